/** One narrowing under a held lease: open, call, and store what the call did to the connection beside the new token. */
import type { AuditEvent } from '../domain/audit-event.js';
import type { OauthCredential } from '../domain/credential.js';
import { isNarrowed, isNarrowingRefused } from '../domain/narrowing.js';
import type { DownscopeMethod } from '../domain/provider.js';
import { splitScope } from '../domain/token-set.js';
import { openClientSecrets } from '../grants/provider-secrets.js';
import type { MintedToken } from '../oauth/narrow-token.js';
import type { ProviderCallFailure } from '../oauth/provider-error.js';
import type { Stores } from '../stores/database.js';
import { commitAttempts, commitRenewal, refreshNotRecorded, tryRepeatedly } from './commit-renewal.js';
import { discardGrant, discardSuperseded, takeBack } from './discard-tokens.js';
import { enterAttention } from './enter-attention.js';
import type { NarrowedToken, NarrowingRequest, NarrowOutcome } from './narrow-outcome.js';
import { openHeldCredential } from './open-held-credential.js';
import { createStepEntry, type RefreshStepDeps, type RefreshStepInput } from './refresh-step.js';
import { noteFailure, pauseAfter, settleFailure } from './settle-failure.js';

export interface NarrowingStepInput extends RefreshStepInput, Pick<NarrowingRequest, 'scopes' | 'about' | 'store'> {
  readonly via: DownscopeMethod;
}

/** @throws NexusError `audit_unavailable`. */
export async function performNarrowing(deps: RefreshStepDeps, input: NarrowingStepInput): Promise<NarrowOutcome> {
  const { connection, provider, via, scopes } = input;
  const held = await openHeldCredential(deps.vault, connection);
  if (held === null) {
    await enterAttention(deps, input, 'integrity');
    return { kind: 'attention' };
  }
  const token = via === 'refresh' ? held.refreshToken : held.accessToken;
  if (token === null) return giveUp(deps, input, { kind: 'cannot_narrow' });
  // An expired token would be refused with the word that also says that nothing can be exchanged at all.
  if (via === 'token_exchange' && isExpired(held, deps.clock.now())) {
    return giveUp(deps, input, { kind: 'failed', retryAfterSeconds: null });
  }
  const answer = await deps.providerClient.narrowToken({
    provider,
    clientSecrets: await openClientSecrets(deps.vault, provider),
    via,
    token,
    scopes,
    issuedOrigin: connection.issuedOrigin,
  });
  return answer.kind === 'failed'
    ? settleRefusal(deps, input, answer.failure)
    : settleMinted(deps, input, held, answer);
}

function isExpired({ expiresAt }: OauthCredential, nowMs: number): boolean {
  return expiresAt !== null && expiresAt * 1_000 <= nowMs;
}

async function settleRefusal(
  deps: RefreshStepDeps,
  input: NarrowingStepInput,
  failure: ProviderCallFailure,
): Promise<NarrowOutcome> {
  if (isNarrowingRefused(input.via, failure)) return giveUp(deps, input, { kind: 'cannot_narrow' });
  // What is said of an exchanged access token says nothing of the grant behind it.
  const isOfTokenOnly = input.via === 'token_exchange' && failure.class === 'final';
  const { kind } = await (isOfTokenOnly ? noteFailure : settleFailure)(deps, input, failure);
  if (kind === 'attention') return { kind };
  // A connection that got something newer in the meantime is worth another try at once.
  return { kind: 'failed', retryAfterSeconds: kind === 'failed' ? pauseAfter(failure, input.failures ?? 0) : null };
}

async function giveUp(
  deps: RefreshStepDeps,
  input: NarrowingStepInput,
  outcome: NarrowOutcome,
): Promise<NarrowOutcome> {
  await deps.database.transaction((stores) => releaseLease(stores, input));
  return outcome;
}

function releaseLease(stores: Stores, { connection, owner }: RefreshStepInput): Promise<void> {
  return stores.connections.releaseRefreshLease({
    connectionRef: connection.connectionRef,
    owner,
    nextAttemptInSeconds: null,
    failed: false,
  });
}

async function settleMinted(
  deps: RefreshStepDeps,
  input: NarrowingStepInput,
  held: OauthCredential,
  answer: MintedToken,
): Promise<NarrowOutcome> {
  const token: NarrowedToken = { credential: answer.tokenSet, issuedOrigin: answer.issuedOrigin };
  const isUsable = isNarrowed(token.credential, held, input.scopes);
  const attempts = { isWanted: false, mayBeStored: false, mayBeCommitted: false };
  const minted: Minted = {
    token,
    isUsable,
    beside: async (stores) => {
      attempts.isWanted = isUsable && (await input.store(stores, token));
      // An attempt that came this far and is not heard of may have committed all the same.
      attempts.mayBeStored ||= attempts.isWanted;
      attempts.mayBeCommitted = true;
    },
  };
  const isOwn = token.credential.accessToken === held.accessToken;
  const commit = () =>
    answer.rotatedRefreshToken === null
      ? commitMinted(deps, input, minted)
      : commitRotated(deps, input, minted, { ...held, refreshToken: answer.rotatedRefreshToken });
  let isCurrent: boolean;
  try {
    isCurrent = await commit();
  } catch (error) {
    if (!attempts.mayBeStored && !isOwn) await takeBack(deps, input, token);
    throw error;
  }
  if (!isCurrent) return settleSuperseded(deps, input, answer, attempts.mayBeCommitted || isOwn);
  if (attempts.isWanted) return { kind: 'narrowed', token };
  if (!attempts.mayBeStored && !isOwn) await takeBack(deps, input, token);
  return { kind: isUsable ? 'unwanted' : 'cannot_narrow' };
}

/** The connection was deleted, or got a newer credential, while the provider answered. */
async function settleSuperseded(
  deps: RefreshStepDeps,
  input: NarrowingStepInput,
  { tokenSet, issuedOrigin, rotatedRefreshToken }: MintedToken,
  mayBeInUse: boolean,
): Promise<NarrowOutcome> {
  const current = await deps.database.stores.connections.findByRef(input.connection.connectionRef);
  const answered = { ...tokenSet, refreshToken: rotatedRefreshToken ?? tokenSet.refreshToken };
  if (current === null || current.status === 'revoked') {
    await discardGrant(deps, input, answered);
    return { kind: 'attention' };
  }
  if (!mayBeInUse) await discardSuperseded(deps, input, { credential: answered, issuedOrigin });
  return current.status === 'active' ? { kind: 'failed', retryAfterSeconds: null } : { kind: 'attention' };
}

interface Minted {
  readonly token: NarrowedToken;
  readonly isUsable: boolean;
  /** Stores the token where it is wanted; the last step of a transaction. */
  readonly beside: (stores: Stores) => Promise<void>;
}

/** The new refresh token is the connection's; its own access token stays what it was. */
function commitRotated(
  deps: RefreshStepDeps,
  input: NarrowingStepInput,
  minted: Minted,
  credential: OauthCredential,
): Promise<boolean> {
  const event = describeMinted(input, minted, input.connection.version + 1);
  const renewed = { credential, isRefresh: false, event };
  return commitRenewal(deps, input, { renewed, attempts: commitAttempts, beside: minted.beside });
}

async function commitMinted(deps: RefreshStepDeps, input: NarrowingStepInput, minted: Minted): Promise<boolean> {
  const { connectionRef, version } = input.connection;
  try {
    return await tryRepeatedly(commitAttempts, () =>
      deps.database.transaction(async (stores) => {
        const isActive = await stores.connections.holdActive(connectionRef);
        const current = isActive ? await stores.connections.findByRef(connectionRef) : null;
        await releaseLease(stores, input);
        if (current?.version !== version) return false;
        await stores.audit.insert([createStepEntry(deps, input, describeMinted(input, minted, version))]);
        await minted.beside(stores);
        return true;
      }),
    );
  } catch (cause) {
    throw refreshNotRecorded(cause);
  }
}

function describeMinted(
  { via, about }: NarrowingStepInput,
  { token: { credential }, isUsable }: Minted,
  version: number,
): AuditEvent {
  return {
    ...about,
    eventType: 'token.narrowed',
    outcome: isUsable ? 'success' : 'failure',
    data: { scopes: splitScope(credential.scope), via, expires_at: credential.expiresAt, version },
  };
}
