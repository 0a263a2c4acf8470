/** Where a credential may be sent: what its profile named when it was issued. */
import type { ProviderProfile } from '../domain/provider.js';
import type { AuthorizationServer } from './authorization-server.js';

/** What is known of a credential's origins. */
export interface Issued {
  /** Origin of the token endpoint that issued it. */
  readonly issuedOrigin: string;
  /** Every origin it may be sent to; left out where that is the issuing one alone. */
  readonly origins?: readonly string[] | undefined;
}

/** Null where a placeholder is not filled. */
export function originOf(url: string): string | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed === null || parsed.hostname.includes('{') ? null : parsed.origin;
}

/**
 * The origins that `profile`, as the connection has it, names for a credential; the issuing one comes first, and there
 * are none while it is not known.
 */
export function listTrustedOrigins(profile: ProviderProfile, server: AuthorizationServer): string[] {
  const urls = [
    server.tokenEndpoint,
    profile.refreshUrl,
    profile.revocationEndpoint ?? server.revocationEndpoint,
    profile.revoke.request?.url,
    profile.introspectionEndpoint ?? server.introspectionEndpoint,
    profile.upgrade?.url,
  ];
  if (originOf(server.tokenEndpoint) === null) return [];
  const origins = urls.map((url) => (typeof url === 'string' ? originOf(url) : null));
  return [...new Set(origins.filter((origin) => origin !== null))];
}

export function isTrusted(url: string, { issuedOrigin, origins }: Issued): boolean {
  const origin = originOf(url);
  return origin !== null && (origins ?? [issuedOrigin]).includes(origin);
}
