/** A provider profile as requests write it and reads show it (section 6 of the contract). */
import { isDeepStrictEqual } from 'node:util';
import type { CredentialSchema } from './credential-schema.js';
import { writeBlock } from './profile-block.js';
import { toWireStrategy } from './profile-credentials.js';
import { quirkFields } from './profile-quirks.js';
import type { AuthStrategy, DownscopeMethod, Provider, ProviderProfile, TemplateUse } from './provider.js';

type JsonBlock = { readonly [name: string]: unknown };

/** The fields of a body but the secret, which is never shown. */
export type WriteProfile = {
  readonly name: string;
  readonly display_name: string;
  readonly description: string | null;
  readonly category: string | null;
  readonly logo_url: string | null;
  readonly docs_url: string | null;
  readonly auth_type: ProviderProfile['authType'];
  readonly client_id: string | null;
  readonly issuer: string | null;
  readonly enable_discovery: boolean;
  readonly auth_url: string | null;
  readonly token_url: string | null;
  readonly refresh_url: string | null;
  readonly user_info_endpoint: string | null;
  readonly revocation_endpoint: string | null;
  readonly introspection_endpoint: string | null;
  readonly scopes: readonly string[];
  readonly scope_separator: string;
  readonly scope_param: string;
  readonly pkce: ProviderProfile['pkce'];
  readonly token_endpoint_auth_method: ProviderProfile['tokenEndpointAuthMethod'];
  readonly api_base_url: string | null;
  readonly allowed_origins: readonly string[];
  readonly inputs: JsonBlock;
  readonly credential_schema: CredentialSchema | null;
  readonly auth_strategy: { readonly type: string; readonly config?: AuthStrategy['config'] };
  readonly probe: JsonBlock | null;
  readonly params: { readonly [name: string]: string };
  readonly param_names: { readonly [name: string]: string };
  readonly iss_expected: boolean;
  readonly token_request: JsonBlock;
  readonly upgrade: JsonBlock | null;
  readonly token_answer: JsonBlock;
  readonly refresh: JsonBlock;
  readonly errors: ProviderProfile['errors'];
  readonly retry_headers: readonly string[];
  readonly revoke: JsonBlock;
  readonly account: JsonBlock;
  readonly downscope: { readonly via: DownscopeMethod } | null;
  readonly allow_wider_token: boolean;
  readonly expose_id_token: boolean;
};

type QuirkName =
  | 'inputs'
  | 'scope_param'
  | 'param_names'
  | 'iss_expected'
  | 'token_request'
  | 'upgrade'
  | 'token_answer'
  | 'refresh'
  | 'retry_headers'
  | 'revoke'
  | 'account'
  | 'probe';

const plainNames: Record<Exclude<keyof WriteProfile, QuirkName> | 'client_secret' | 'auth_header', true> = {
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
  refresh_url: true,
  user_info_endpoint: true,
  revocation_endpoint: true,
  introspection_endpoint: true,
  scopes: true,
  scope_separator: true,
  pkce: true,
  token_endpoint_auth_method: true,
  auth_header: true,
  api_base_url: true,
  allowed_origins: true,
  credential_schema: true,
  auth_strategy: true,
  params: true,
  downscope: true,
  errors: true,
  allow_wider_token: true,
  expose_id_token: true,
};

/** Every field a body may name. */
export const writableFields: readonly string[] = [
  ...Object.keys(plainNames),
  ...Object.values(quirkFields).map(({ name }) => name),
];

/** The fields in which two profiles differ, the template included. */
export function listChangedFields(before: ProviderProfile, after: ProviderProfile): string[] {
  const show = (profile: ProviderProfile): JsonBlock => ({ ...toWriteProfile(profile), template: profile.template });
  const [old, changed] = [show(before), show(after)];
  return Object.keys(old).filter((name) => !isDeepStrictEqual(old[name], changed[name]));
}

/** A profile as reads show it: everything but secrets. */
export type WireProfile = WriteProfile & {
  readonly id: string;
  readonly client_secret_set: boolean;
  readonly template: TemplateUse | null;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
};

/** Never holds a secret: the stored secrets are known only by whether there are any. */
export function toWireProfile(provider: Provider): WireProfile {
  return {
    id: provider.providerId,
    ...toWriteProfile(provider.profile),
    client_secret_set: provider.sealedSecrets !== null,
    template: provider.profile.template,
    version: provider.version,
    created_at: provider.createdAt,
    updated_at: provider.updatedAt,
  };
}

export function toWriteProfile(profile: ProviderProfile): WriteProfile {
  const quirks = writeBlock(quirkFields, profile) as Pick<WriteProfile, QuirkName>;
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
    refresh_url: profile.refreshUrl,
    user_info_endpoint: profile.userInfoEndpoint,
    revocation_endpoint: profile.revocationEndpoint,
    introspection_endpoint: profile.introspectionEndpoint,
    scopes: profile.scopes,
    scope_separator: profile.scopeSeparator,
    pkce: profile.pkce,
    token_endpoint_auth_method: profile.tokenEndpointAuthMethod,
    api_base_url: profile.apiBaseUrl,
    allowed_origins: profile.allowedOrigins,
    credential_schema: profile.credentialSchema,
    auth_strategy: toWireStrategy(profile.authStrategy),
    params: profile.params,
    downscope: profile.downscope === null ? null : { via: profile.downscope },
    errors: profile.errors,
    allow_wider_token: profile.allowWiderToken,
    expose_id_token: profile.exposeIdToken,
    ...quirks,
  };
}
