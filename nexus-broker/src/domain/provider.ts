import type { JsonValue } from '@nexus/core/canonical-json';
import type { Instant } from '@nexus/core/clock';
import type { SealedBlob } from '@nexus/vault/vault';
import type { CredentialSchema } from './credential-schema.js';
import type { PlaceValues } from './placeholders.js';
import type { Quirks } from './profile-quirks.js';

export const authTypes = [
  'oauth2',
  'api_key',
  'basic_auth',
  'header',
  'query_param',
  'hmac_payload',
  'aws_sigv4',
] as const;
export type AuthType = (typeof authTypes)[number];

export const clientAuthenticationMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const;
export type ClientAuthenticationMethod = (typeof clientAuthenticationMethods)[number];

export const downscopeMethods = ['refresh', 'token_exchange'] as const;
export type DownscopeMethod = (typeof downscopeMethods)[number];

/** What an error code of a provider means: `final` ends the grant, `configuration` is about our client. */
export const errorClasses = ['final', 'transient', 'configuration', 'throttled'] as const;
export type ErrorClass = (typeof errorClasses)[number];

export interface AuthStrategy {
  readonly type: string;
  readonly config: { readonly [name: string]: JsonValue };
}

/** The shipped template a profile was made from. */
export interface TemplateUse {
  readonly name: string;
  /** Of the template as it was then. */
  readonly digest: string;
  /** The fields that were given beside it. */
  readonly overrides: readonly string[];
}

/** A provider profile without its secrets: the configured upstream (RFC 6749: authorization server and client). */
export interface ProviderProfile extends Quirks {
  readonly name: string;
  readonly displayName: string;
  readonly description: string | null;
  readonly category: string | null;
  readonly logoUrl: string | null;
  readonly docsUrl: string | null;
  readonly authType: AuthType;
  readonly clientId: string | null;
  readonly issuer: string | null;
  readonly enableDiscovery: boolean;
  readonly authUrl: string | null;
  readonly tokenUrl: string | null;
  /** Where refreshes go; null: to the token endpoint. */
  readonly refreshUrl: string | null;
  readonly userInfoEndpoint: string | null;
  readonly revocationEndpoint: string | null;
  readonly introspectionEndpoint: string | null;
  readonly scopes: readonly string[];
  readonly scopeSeparator: string;
  readonly pkce: 'required' | 'supported' | 'refused';
  readonly tokenEndpointAuthMethod: ClientAuthenticationMethod;
  readonly apiBaseUrl: string | null;
  readonly allowedOrigins: readonly string[];
  readonly credentialSchema: CredentialSchema | null;
  readonly authStrategy: AuthStrategy;
  readonly params: { readonly [name: string]: string };
  /** How the provider mints a token with fewer scopes (RFC 6749 section 6, RFC 8693); null where it cannot. */
  readonly downscope: DownscopeMethod | null;
  readonly allowWiderToken: boolean;
  readonly errors: { readonly [code: string]: ErrorClass };
  readonly exposeIdToken: boolean;
  readonly template: TemplateUse | null;
}

export interface Provider {
  readonly providerId: string;
  /** Counts changes; caches and the sealed secrets are bound to it. */
  readonly version: number;
  readonly profile: ProviderProfile;
  /** Sealed JSON array of client secrets, tried in order; null when none is set. */
  readonly sealedSecrets: SealedBlob | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly deletedAt: Instant | null;
  /** Where the placeholders of its URLs have been filled for one connection: the profile as it was, and the values. */
  readonly placed?: { readonly from: ProviderProfile; readonly values: PlaceValues };
}

export function isOauth(profile: ProviderProfile): boolean {
  return profile.authType === 'oauth2';
}
