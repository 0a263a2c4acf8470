/** What becomes at the provider of tokens that nobody will use. */
import type { OauthCredential } from '../domain/credential.js';
import { type Revocation, revokeGrant, revokeTokens } from '../grants/revoke-grant.js';
import type { NarrowedToken } from './narrow-outcome.js';
import { openHeldCredential } from './open-held-credential.js';
import type { RefreshStepDeps, RefreshStepInput } from './refresh-step.js';

type DiscardDeps = Pick<RefreshStepDeps, 'database' | 'vault' | 'providerClient'>;
type DiscardInput = Pick<RefreshStepInput, 'connection' | 'provider'>;

/** The connection was deleted while the provider answered: its new token must not outlive it. */
export async function discardGrant(
  deps: DiscardDeps,
  { connection, provider }: DiscardInput,
  credential: OauthCredential,
): Promise<Revocation> {
  return revokeGrant(deps, {
    provider,
    credential,
    issuedOrigin: connection.issuedOrigin,
    endedRef: connection.connectionRef,
    accountSubject: connection.accountSubject,
  });
}

/**
 * Another credential was stored while the provider answered: takes back what nobody stored, where that kills nothing
 * else. Whether the provider revoked any of it.
 */
export async function discardSuperseded(
  deps: DiscardDeps,
  { connection, provider }: DiscardInput,
  { credential, issuedOrigin }: NarrowedToken,
): Promise<boolean> {
  if (provider.profile.revoke.kills !== 'token') return false;
  // A provider may answer two uses of one refresh token alike.
  const kept = await findHeldTokens(deps, connection.connectionRef).catch(() => null);
  if (kept === null || kept.has(credential.accessToken)) return false;
  const { refreshToken } = credential;
  const unheld = { ...credential, refreshToken: kept.has(refreshToken) ? null : refreshToken };
  const revocation = await revokeTokens(deps, { provider, credential: unheld, issuedOrigin }).catch(() => null);
  return revocation?.providerRevoked ?? false;
}

/** Null where they cannot be told: nothing is safe to revoke then. */
async function findHeldTokens(
  { database, vault }: DiscardDeps,
  connectionRef: string,
): Promise<ReadonlySet<string | null> | null> {
  const current = await database.stores.connections.findByRef(connectionRef);
  if (current === null || current.sealedCredential === null) return new Set();
  const held = await openHeldCredential(vault, current);
  return held === null ? null : new Set([held.accessToken, held.refreshToken]);
}

/** Takes one minted token back where that kills nothing else; it runs out by itself where it cannot be taken back. */
export async function takeBack(
  deps: DiscardDeps,
  { provider }: Pick<DiscardInput, 'provider'>,
  { credential, issuedOrigin }: NarrowedToken,
): Promise<void> {
  if (provider.profile.revoke.kills !== 'token') return;
  await revokeTokens(deps, { provider, credential, issuedOrigin }).catch(() => undefined);
}
