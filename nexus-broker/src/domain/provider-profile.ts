import { type ErrorDetail, NexusError } from '@nexus/core/errors';
import { resolveApiUrl } from './api-url.js';
import type { CredentialSchema } from './credential-schema.js';
import { findProseProblem } from './display-text.js';
import { FieldReader, isJsonObject, type JsonObject, readObject, throwIfAny } from './field-reader.js';
import {
  checkClient,
  findClientIdProblem,
  readAuthorization,
  readClientAuthentication,
  readClientSecrets,
} from './profile-client.js';
import type { ProfileContext } from './profile-context.js';
import { readCredentialFields, toWireStrategy } from './profile-credentials.js';
import {
  checkOauthEndpoints,
  findLinkProblem,
  findLogoProblem,
  findNameProblem,
  readEndpoints,
} from './profile-endpoints.js';
import { toWireRefreshPolicy, type WireRefreshPolicy } from './profile-refresh.js';
import {
  type AuthStrategy,
  authTypes,
  type DownscopeMethod,
  type Probe,
  type Provider,
  type ProviderProfile,
} from './provider.js';
import type { Environment } from './web-url.js';

export interface ProfileOptions {
  readonly environment: Environment;
}

export interface ParsedProfile {
  readonly profile: ProviderProfile;
  /** The new client secrets in the order they are tried; empty: remove them; null: none were named. */
  readonly clientSecrets: readonly string[] | null;
}

/** A provider profile as reads show it (section 6 of the contract): everything but secrets. */
export type WireProfile = {
  readonly id: string;
  readonly name: string;
  readonly display_name: string;
  readonly description: string | null;
  readonly category: string | null;
  readonly logo_url: string | null;
  readonly docs_url: string | null;
  readonly auth_type: ProviderProfile['authType'];
  readonly client_id: string | null;
  readonly client_secret_set: boolean;
  readonly issuer: string | null;
  readonly enable_discovery: boolean;
  readonly auth_url: string | null;
  readonly token_url: string | null;
  readonly user_info_endpoint: string | null;
  readonly revocation_endpoint: string | null;
  readonly scopes: readonly string[];
  readonly scope_separator: string;
  readonly pkce: ProviderProfile['pkce'];
  readonly token_endpoint_auth_method: ProviderProfile['tokenEndpointAuthMethod'];
  readonly api_base_url: string | null;
  readonly allowed_origins: readonly string[];
  readonly credential_schema: CredentialSchema | null;
  readonly auth_strategy: { readonly type: string; readonly config?: AuthStrategy['config'] };
  readonly probe: Probe | null;
  readonly params: { readonly [name: string]: string };
  readonly revoke: { readonly kills: ProviderProfile['revocationKills'] };
  readonly downscope: { readonly via: DownscopeMethod } | null;
  readonly refresh: WireRefreshPolicy;
  readonly errors: ProviderProfile['errors'];
  readonly allow_wider_token: boolean;
  readonly expose_id_token: boolean;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
};

type WriteProfile = Omit<WireProfile, 'id' | 'client_secret_set' | 'version' | 'created_at' | 'updated_at'>;

const writableFields: Record<keyof WriteProfile | 'client_secret' | 'auth_header', true> = {
  name: true,
  display_name: true,
  description: true,
  category: true,
  logo_url: true,
  docs_url: true,
  auth_type: true,
  client_id: true,
  client_secret: true,
  issuer: true,
  enable_discovery: true,
  auth_url: true,
  token_url: true,
  user_info_endpoint: true,
  revocation_endpoint: true,
  scopes: true,
  scope_separator: true,
  pkce: true,
  token_endpoint_auth_method: true,
  auth_header: true,
  api_base_url: true,
  allowed_origins: true,
  credential_schema: true,
  auth_strategy: true,
  probe: true,
  params: true,
  revoke: true,
  downscope: true,
  refresh: true,
  errors: true,
  allow_wider_token: true,
  expose_id_token: true,
};

/** The profile of a request body, which is the profile itself or `{ "profile": { … } }`. */
export function unwrapProfile(body: unknown): JsonObject {
  const given = readObject(body, 'The body');
  const inner = given['profile'];
  return Object.keys(given).length === 1 && isJsonObject(inner) ? inner : given;
}

/** Throws `reserved_parameter`, `invalid_request` with every problem found, or `provider_unsafe`, in this order. */
export function parseProviderProfile(body: unknown, options: ProfileOptions): ParsedProfile {
  return readProfile(readObject(body, 'The profile'), options, false);
}

/**
 * Changes the fields that the patch names and checks the whole result; `null` gives a field its default back. What
 * kind of credential a provider has stays: credentials of the other kind would be handed out wrongly.
 */
export function mergeProviderPatch(existing: ProviderProfile, patch: unknown, options: ProfileOptions): ParsedProfile {
  const changes = readObject(patch, 'The patch');
  // A map, because an assignment to `__proto__` on an object would hide that name from the check for unknown fields.
  const merged = new Map<string, unknown>(Object.entries(toWriteProfile(existing)));
  const namesSecret = (changes['client_secret'] ?? null) !== null;
  const namesMethod = Object.hasOwn(changes, 'token_endpoint_auth_method') || Object.hasOwn(changes, 'auth_header');
  if (namesMethod || (namesSecret && existing.tokenEndpointAuthMethod === 'none')) {
    merged.delete('token_endpoint_auth_method');
  }
  if (changes['issuer'] === null) merged.delete('enable_discovery');
  for (const [name, value] of Object.entries(changes)) {
    if (value === null && name !== 'client_secret' && Object.hasOwn(writableFields, name)) merged.delete(name);
    else merged.set(name, value);
  }
  const given = changes['auth_type'];
  if (given !== undefined && given !== existing.authType) {
    throwIfAny('The provider profile is not valid', [{ path: 'auth_type', message: 'cannot be changed' }]);
  }
  // A profile was stored only if its client authentication method and its secrets fit together.
  return readProfile(Object.fromEntries(merged), options, existing.tokenEndpointAuthMethod !== 'none');
}

/** Never holds a secret: the stored secrets are known only by whether there are any. */
export function toWireProfile(provider: Provider): WireProfile {
  return {
    id: provider.providerId,
    ...toWriteProfile(provider.profile),
    client_secret_set: provider.sealedSecrets !== null,
    version: provider.version,
    created_at: provider.createdAt,
    updated_at: provider.updatedAt,
  };
}

/** Every URL of a profile that the Broker or a person's browser will go to, absolute, each once. */
export function listProviderUrls(profile: ProviderProfile): string[] {
  const { apiBaseUrl } = profile;
  const targets = [profile.userInfoEndpoint, profile.probe?.path ?? null];
  const urls = [
    profile.issuer,
    profile.authUrl,
    profile.tokenUrl,
    profile.revocationEndpoint,
    apiBaseUrl,
    ...targets.map((target) => (target === null ? null : resolveApiUrl({ apiBaseUrl }, target))),
    ...profile.allowedOrigins,
  ];
  return [...new Set(urls.filter((url) => url !== null))];
}

function readProfile(body: JsonObject, options: ProfileOptions, hadSecret: boolean): ParsedProfile {
  const details: ErrorDetail[] = [];
  const fields = new FieldReader(body, '', details);
  const context: ProfileContext = { fields, environment: options.environment, unsafe: [], reserved: [] };
  fields.refuseUnknown(Object.keys(writableFields));
  if (!fields.has('auth_type')) fields.refuse('auth_type', 'is required');
  const authType = fields.choice('auth_type', authTypes);
  const identity = readIdentity(fields);
  const authorization = readAuthorization(context);
  const endpoints = readEndpoints(context);
  const clientSecrets = readClientSecrets(fields);
  const hasSecret = clientSecrets === null ? hadSecret : clientSecrets.length > 0;
  const tokenEndpointAuthMethod = readClientAuthentication(fields, hasSecret);
  const clientId = fields.text('client_id', findClientIdProblem);
  if (authType === 'oauth2') {
    checkClient(fields, tokenEndpointAuthMethod, hasSecret);
    checkOauthEndpoints(context, endpoints, authorization.scopes);
  }
  const credentials = authType === null ? null : readCredentialFields(context, authType, details);
  throwFindings(context, details);
  if (authType === null || credentials === null) throw new NexusError('internal_error', 'A finding went missing.');
  return {
    profile: {
      ...identity,
      authType,
      clientId,
      ...endpoints,
      ...authorization,
      tokenEndpointAuthMethod,
      ...credentials,
    },
    clientSecrets,
  };
}

function readIdentity(
  fields: FieldReader,
): Pick<ProviderProfile, 'name' | 'displayName' | 'description' | 'category' | 'logoUrl' | 'docsUrl'> {
  const name = fields.required('name', (text) =>
    /^[a-z0-9][a-z0-9-]{0,62}$/.test(text) ? null : 'must be lower-case letters, digits and hyphens, at most 63',
  );
  return {
    name,
    displayName: fields.text('display_name', findNameProblem)?.normalize('NFC') ?? name,
    description: fields.text('description', (text) => findProseProblem(text, 1000)),
    category: fields.text('category', findNameProblem),
    logoUrl: fields.text('logo_url', findLogoProblem),
    docsUrl: fields.text('docs_url', findLinkProblem),
  };
}

function throwFindings({ reserved, unsafe }: ProfileContext, details: readonly ErrorDetail[]): void {
  if (reserved.length > 0) {
    throw new NexusError('reserved_parameter', `params may not set what Nexus sets itself: ${reserved.join(', ')}.`);
  }
  throwIfAny('The provider profile is not valid', details);
  if (unsafe.length > 0) throw new NexusError('provider_unsafe', unsafe.slice(0, 5).join(' '));
}

function toWriteProfile(profile: ProviderProfile): WriteProfile {
  return {
    name: profile.name,
    display_name: profile.displayName,
    description: profile.description,
    category: profile.category,
    logo_url: profile.logoUrl,
    docs_url: profile.docsUrl,
    auth_type: profile.authType,
    client_id: profile.clientId,
    issuer: profile.issuer,
    enable_discovery: profile.enableDiscovery,
    auth_url: profile.authUrl,
    token_url: profile.tokenUrl,
    user_info_endpoint: profile.userInfoEndpoint,
    revocation_endpoint: profile.revocationEndpoint,
    scopes: profile.scopes,
    scope_separator: profile.scopeSeparator,
    pkce: profile.pkce,
    token_endpoint_auth_method: profile.tokenEndpointAuthMethod,
    api_base_url: profile.apiBaseUrl,
    allowed_origins: profile.allowedOrigins,
    credential_schema: profile.credentialSchema,
    auth_strategy: toWireStrategy(profile.authStrategy),
    probe: profile.probe,
    params: profile.params,
    revoke: { kills: profile.revocationKills },
    downscope: profile.downscope === null ? null : { via: profile.downscope },
    refresh: toWireRefreshPolicy(profile.refresh),
    errors: profile.errors,
    allow_wider_token: profile.allowWiderToken,
    expose_id_token: profile.exposeIdToken,
  };
}
