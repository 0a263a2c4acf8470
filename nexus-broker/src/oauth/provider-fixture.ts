import { systemClock, toInstant } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import { defaultRefreshPolicy } from '../domain/profile-refresh.js';
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
  probe: null,
  params: {},
  revocationKills: 'unknown',
  downscope: null,
  refresh: defaultRefreshPolicy,
  errors: {},
  allowWiderToken: false,
  exposeIdToken: false,
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
