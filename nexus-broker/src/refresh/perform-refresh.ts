/** One refresh under a held lease: open, call, and settle by what the provider answered. */
import { mergeRefreshed, splitScope } from '../domain/token-set.js';
import { openClientSecrets } from '../grants/provider-secrets.js';
import { commitAttempts, commitRenewal } from './commit-renewal.js';
import { discardGrant } from './discard-tokens.js';
import { enterAttention } from './enter-attention.js';
import { openHeldCredential } from './open-held-credential.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import type { RefreshStepDeps, RefreshStepInput } from './refresh-step.js';
import { settleFailure } from './settle-failure.js';
import type { Renewed } from './unsaved-renewals.js';

/** @throws NexusError `audit_unavailable`. */
export async function performRefresh(deps: RefreshStepDeps, input: RefreshStepInput): Promise<RefreshOutcome> {
  const { connection, provider } = input;
  const unsaved = deps.unsaved.find(connection);
  if (unsaved !== null) return storeRenewed(deps, input, unsaved, 1);
  const held = await openHeldCredential(deps.vault, connection);
  if (held === null) return enterAttention(deps, input, 'integrity');
  if (held.refreshToken === null) return enterAttention(deps, input, 'expired');
  const answer = await deps.providerClient.refreshGrant({
    provider,
    clientSecrets: await openClientSecrets(deps.vault, provider),
    refreshToken: held.refreshToken,
    scope: held.scope,
    issuedOrigin: connection.issuedOrigin,
    expectedSubject: connection.accountSubject,
  });
  if (answer.kind === 'failed') return settleFailure(deps, input, answer.failure);
  // RFC 6749, section 6: an answer without a refresh token means to keep using the one at hand.
  const credential = mergeRefreshed(held, answer.tokenSet);
  const renewed: Renewed = {
    credential,
    isRefresh: true,
    event: {
      eventType: 'token.refreshed',
      outcome: 'success',
      data: {
        version: connection.version + 1,
        expires_at: credential.expiresAt,
        rotated: answer.isRotated,
        scopes: splitScope(credential.scope),
      },
    },
  };
  return storeRenewed(deps, input, renewed, commitAttempts);
}

async function storeRenewed(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  renewed: Renewed,
  attempts: number,
): Promise<RefreshOutcome> {
  const { connection } = input;
  if (await commitRenewal(deps, input, { renewed, attempts })) return { kind: 'refreshed' };
  const current = await deps.database.stores.connections.findByRef(connection.connectionRef);
  if (current === null || current.status === 'revoked') {
    await discardGrant(deps, input, renewed.credential);
    return { kind: 'attention' };
  }
  // A reconnect stored a newer credential meanwhile; what is stored wins.
  return { kind: 'still_fresh' };
}
