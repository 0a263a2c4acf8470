import type { JsonValue } from '@nexus/core/canonical-json';
import { systemClock, toInstant } from '@nexus/core/clock';
import type { ErrorDetail } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import { FieldReader } from '../domain/field-reader.js';
import { readBlock } from '../domain/profile-block.js';
import { plainQuirks, type Quirks, quirkFields } from '../domain/profile-quirks.js';
import type { Provider, ProviderProfile } from '../domain/provider.js';
import { createGuardedFetch, type GuardedFetchSettings } from './guarded-fetch.js';
import { createProviderClient, type ProviderClient, type ProviderClientDeps } from './provider-client.js';

/** A provider row for tests; each is a new one, so that no cache answers for another test. */
export function createProvider(profile: Partial<ProviderProfile>, version = 1): Provider {
  const at = toInstant(0);
  return {
    providerId: createUlid(systemClock.now()),
    version,
    profile: { ...emptyProfile, ...profile },
    sealedSecrets: null,
    createdAt: at,
    updatedAt: at,
    deletedAt: null,
  };
}

const emptyProfile: ProviderProfile = {
  name: 'test',
  displayName: 'Test',
  description: null,
  category: null,
  logoUrl: null,
  docsUrl: null,
  authType: 'oauth2',
  clientId: 'client',
  issuer: null,
  enableDiscovery: false,
  authUrl: null,
  tokenUrl: null,
  refreshUrl: null,
  introspectionEndpoint: null,
  userInfoEndpoint: null,
  revocationEndpoint: null,
  scopes: [],
  scopeSeparator: ' ',
  pkce: 'required',
  tokenEndpointAuthMethod: 'client_secret_basic',
  apiBaseUrl: null,
  allowedOrigins: [],
  credentialSchema: null,
  authStrategy: { type: 'oauth2', config: {} },
  params: {},
  downscope: null,
  errors: {},
  allowWiderToken: false,
  exposeIdToken: false,
  template: null,
  ...plainQuirks,
};

export interface TestClient extends ProviderClient {
  [Symbol.asyncDispose](): Promise<void>;
}

/** A provider client in development mode, so that loopback providers can be called. */
export function createTestClient(
  guard: Partial<GuardedFetchSettings> = {},
  deps: Partial<Omit<ProviderClientDeps, 'guardedFetch'>> = {},
): TestClient {
  const guardedFetch = createGuardedFetch({ environment: 'development', egressAllow: [], ...guard });
  const client = createProviderClient({ guardedFetch, clock: systemClock, ...deps });
  return { ...client, [Symbol.asyncDispose]: () => guardedFetch[Symbol.asyncDispose]() };
}

export const codeVerifier = 'v'.repeat(43);
export const secrets = ['secret'];

/** The blocks of a profile as a template writes them. */
export function readQuirks(written: { readonly [name: string]: JsonValue }): Quirks {
  const details: ErrorDetail[] = [];
  const quirks = readBlock(quirkFields, new FieldReader(written, '', details));
  if (details.length > 0) throw new Error(JSON.stringify(details));
  return quirks;
}
