import type { JsonValue } from '@nexus/core/canonical-json';
import type { Instant } from '@nexus/core/clock';
import type { SealedBlob } from '@nexus/vault/vault';
import type { CredentialSchema } from './credential-schema.js';

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

export const clientAuthenticationMethods = ['client_secret_basic', 'client_secret_post', 'none'] as const;
export type ClientAuthenticationMethod = (typeof clientAuthenticationMethods)[number];

/** What a revocation at the provider kills; decides whether a sibling connection is in danger. */
export const revocationReaches = ['token', 'grant', 'unknown'] as const;
export type RevocationReach = (typeof revocationReaches)[number];

export const downscopeMethods = ['refresh', 'token_exchange'] as const;
export type DownscopeMethod = (typeof downscopeMethods)[number];

/** `strict`: a refresh token shown twice may end the whole grant, its access tokens with it. */
export const rotationModes = ['never', 'always', 'sometimes', 'strict'] as const;
export type RotationMode = (typeof rotationModes)[number];

/** What an error code of a provider means: `final` ends the grant, `configuration` is about our client. */
export const errorClasses = ['final', 'transient', 'configuration', 'throttled'] as const;
export type ErrorClass = (typeof errorClasses)[number];

export interface RefreshPolicy {
  /** Null where it is not known. */
  readonly rotation: RotationMode | null;
  /** How long a rotated refresh token is still accepted; null where it is not known. */
  readonly graceSeconds: number | null;
  /** How long a refresh token may go unused before the provider forgets it; null: for ever, as far as is known. */
  readonly idleLifetimeSeconds: number | null;
  /** Calls of one Broker to the token endpoint at any moment. */
  readonly concurrency: number;
  /** Calls of all Brokers together. */
  readonly callsPerSecond: number;
}

export interface AuthStrategy {
  readonly type: string;
  readonly config: { readonly [name: string]: JsonValue };
}

/** A live check of a static credential, made with the provider's own strategy. */
export interface Probe {
  readonly method: 'GET' | 'POST' | 'HEAD';
  /** Absolute, or relative to `apiBaseUrl`. */
  readonly path: string;
}

/** A provider profile without its secrets: the configured upstream (RFC 6749: authorization server and client). */
export interface ProviderProfile {
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
  readonly userInfoEndpoint: string | null;
  readonly revocationEndpoint: string | null;
  readonly scopes: readonly string[];
  readonly scopeSeparator: string;
  readonly pkce: 'required' | 'supported' | 'refused';
  readonly tokenEndpointAuthMethod: ClientAuthenticationMethod;
  readonly apiBaseUrl: string | null;
  readonly allowedOrigins: readonly string[];
  readonly credentialSchema: CredentialSchema | null;
  readonly authStrategy: AuthStrategy;
  readonly probe: Probe | null;
  readonly params: { readonly [name: string]: string };
  readonly revocationKills: RevocationReach;
  /** How the provider mints a token with fewer scopes (RFC 6749 section 6, RFC 8693); null where it cannot. */
  readonly downscope: DownscopeMethod | null;
  readonly allowWiderToken: boolean;
  readonly refresh: RefreshPolicy;
  readonly errors: { readonly [code: string]: ErrorClass };
  readonly exposeIdToken: boolean;
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
}

export function isOauth(profile: ProviderProfile): boolean {
  return profile.authType === 'oauth2';
}
