/** One refresh under a held lease: open, call, and settle by what the provider answered. */
import { mayPresent } from '../domain/grant.js';
import { isAlive } from '../domain/read-plan.js';
import { mergeRefreshed, splitScope } from '../domain/token-set.js';
import { openClientSecrets } from '../grants/provider-secrets.js';
import { createFailure } from '../oauth/provider-error.js';
import type { RefreshedToken } from '../oauth/refresh-grant.js';
import { commitAttempts } from './commit-renewal.js';
import { enterAttention } from './enter-attention.js';
import { openHeldCredential } from './open-held-credential.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import type { CallStepDeps, CallStepInput } from './refresh-step.js';
import { type FailedStep, releaseUncalled, settleFailure } from './settle-failure.js';
import { storeRenewed } from './store-renewed.js';
import type { Renewed } from './unsaved-renewals.js';

/** @throws NexusError `audit_unavailable`. */
export async function performRefresh(deps: CallStepDeps, input: CallStepInput): Promise<RefreshOutcome | FailedStep> {
  const { connection, provider, attempt } = input;
  const held = await openHeldCredential(deps.vault, connection);
  if (held === null) return (await enterAttention(deps, input, 'integrity')) ?? { kind: 'still_fresh' };
  const { refreshToken, scope, origins } = held;
  const isOfUse = mayPresent(held, provider.profile.refresh, deps.clock.now());
  if (refreshToken !== null && !isOfUse && isAlive(connection, deps.clock.now())) return waitForEnd(deps, input);
  if (refreshToken === null || !isOfUse) {
    return (await enterAttention(deps, input, 'expired')) ?? { kind: 'still_fresh' };
  }
  // Claimed only to note that the profile has moved: under such a claim no token is ever shown.
  if (!attempt.showsRefreshToken) return settleFailure(deps, input, createFailure('origin_changed'));
  const clientSecrets = await openClientSecrets(deps.vault, provider);
  const answer = await attempt.make((signal) =>
    deps.providerClient.refreshGrant({
      provider,
      clientSecrets,
      refreshToken,
      scope,
      requestedScopes: connection.requestedScopes,
      issuedOrigin: connection.issuedOrigin,
      origins,
      expectedSubject: connection.accountSubject,
      signal,
    }),
  );
  if (answer === null) {
    await deps.database.transaction((stores) => releaseUncalled(stores, input));
    return { kind: 'failed', retryAfterSeconds: null };
  }
  if (answer.kind === 'failed') return settleFailure(deps, input, answer.failure);
  // RFC 6749, section 6: an answer without a refresh token means to keep using the one at hand.
  const credential = mergeRefreshed(held, answer.tokenSet);
  return storeRenewed(deps, input, describeRenewed(input, credential, answer.isRotated), commitAttempts);
}

/** The provider is known to refuse what it would be shown, and the token at hand still serves. */
async function waitForEnd(deps: CallStepDeps, input: CallStepInput): Promise<RefreshOutcome> {
  await deps.database.transaction((stores) => releaseUncalled(stores, input));
  return { kind: 'still_fresh' };
}

function describeRenewed(
  { connection, attempt }: CallStepInput,
  credential: Renewed['credential'],
  isRotated: RefreshedToken['isRotated'],
): Renewed {
  return {
    credential,
    isRefresh: true,
    entryIds: [],
    event: {
      eventType: 'token.refreshed',
      outcome: 'success',
      data: {
        version: connection.version + 1,
        expires_at: credential.expiresAt,
        rotated: isRotated,
        scopes: splitScope(credential.scope),
        // Named here, because it may be stored under another lease than the one it was asked for under.
        intent_id: attempt.intentId,
      },
    },
  };
}
