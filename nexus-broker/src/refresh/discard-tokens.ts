/** What becomes at the provider of tokens that nobody will use. */
import type { OauthCredential } from '../domain/credential.js';
import { type Revocation, revokeGrant, revokeTokens } from '../grants/revoke-grant.js';
import type { NarrowedToken } from './narrow-outcome.js';
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
 * A reconnect replaced the grant while the provider answered. The tokens of the old one go by the rule of DELETE, for
 * which the connection that lives on is a sibling.
 */
export async function discardSuperseded(
  deps: DiscardDeps,
  { connection, provider }: DiscardInput,
  { credential, issuedOrigin }: NarrowedToken,
): Promise<void> {
  const { accountSubject } = connection;
  const input = { provider, credential, issuedOrigin, endedRef: null, accountSubject };
  await revokeGrant(deps, input).catch(() => undefined);
}

/** Takes one minted token back where that kills nothing else; it runs out by itself where it cannot be taken back. */
export async function takeBack(
  deps: DiscardDeps,
  { provider }: Pick<DiscardInput, 'provider'>,
  { credential, issuedOrigin }: NarrowedToken,
): Promise<void> {
  if (provider.profile.revocationKills !== 'token') return;
  await revokeTokens(deps, { provider, credential, issuedOrigin }).catch(() => undefined);
}
