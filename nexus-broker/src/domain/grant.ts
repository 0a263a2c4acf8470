import type { OauthCredential } from './credential.js';
import { refreshAfter } from './token-set.js';

/** Unix milliseconds from which a read starts a refresh; null where no refresh is possible or needed. */
export function refreshDueAt(
  credential: OauthCredential,
  issuedMs: number,
  connectionRef: string,
  version: number,
): number | null {
  if (credential.refreshToken === null || credential.expiresAt === null) return null;
  return refreshAfter(issuedMs, credential.expiresAt, connectionRef, version);
}

/** How the granted scopes differ from the requested ones; `offline_access` asks for a refresh token, not for access. */
export function compareScopes(
  requested: readonly string[],
  granted: readonly string[],
): { readonly excess: string[]; readonly missing: string[] } {
  return {
    excess: granted.filter((scope) => !requested.includes(scope)),
    missing: requested.filter((scope) => !granted.includes(scope) && scope !== 'offline_access'),
  };
}
