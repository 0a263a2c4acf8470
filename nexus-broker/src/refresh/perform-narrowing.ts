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
import { type CallStepDeps, type CallStepInput, createStepEntry } from './refresh-step.js';
import { noteFailure, releaseUncalled, settleFailure } from './settle-failure.js';
import { noteUnstored } from './store-renewed.js';

export interface NarrowingStepInput extends CallStepInput, Pick<NarrowingRequest, 'scopes' | 'about' | 'store'> {
  readonly via: DownscopeMethod;
}

/** @throws NexusError `audit_unavailable`. */
export async function performNarrowing(deps: CallStepDeps, input: NarrowingStepInput): Promise<NarrowOutcome> {
  const { connection, provider, via, scopes, attempt } = input;
  const held = await openHeldCredential(deps.vault, connection);
  if (held === null) {
    const ended = await enterAttention(deps, input, 'integrity');
    return ended ?? { kind: 'failed', retryAfterSeconds: null };
  }
  const token = via === 'refresh' ? held.refreshToken : held.accessToken;
  if (token === null) return giveUp(deps, input, { kind: 'cannot_narrow' });
  // An expired token would be refused with the word that also says that nothing can be exchanged at all.
  if (via === 'token_exchange' && isExpired(held, deps.clock.now())) {
    return giveUp(deps, input, { kind: 'failed', retryAfterSeconds: null });
  }
  const clientSecrets = await openClientSecrets(deps.vault, provider);
  const { issuedOrigin } = connection;
  const answer = await attempt.make(
    (signal) => deps.providerClient.narrowToken({ provider, clientSecrets, via, token, scopes, issuedOrigin, signal }),
    (failure) => isNarrowingRefused(via, failure),
  );
  if (answer === null) return giveUp(deps, input, { kind: 'failed', retryAfterSeconds: null });
  return answer.kind === 'failed'
    ? settleRefusal(deps, input, answer.failure)
    : settleMinted(deps, input, held, answer);
}

function isExpired({ expiresAt }: OauthCredential, nowMs: number): boolean {
  return expiresAt !== null && expiresAt * 1_000 <= nowMs;
}

async function settleRefusal(
  deps: CallStepDeps,
  input: NarrowingStepInput,
  failure: ProviderCallFailure,
): Promise<NarrowOutcome> {
  if (isNarrowingRefused(input.via, failure)) return refuse(deps, input, failure);
  // What is said of an exchanged access token says nothing of the grant behind it.
  const isOfTokenOnly = input.via === 'token_exchange' && failure.class !== 'origin_changed';
  const outcome = isOfTokenOnly ? await noteFailure(deps, input, failure) : await settleFailure(deps, input, failure);
  if (outcome.kind === 'attention') return { kind: 'attention' };
  // A connection that got something newer in the meantime is worth another try at once.
  return { kind: 'failed', retryAfterSeconds: outcome.kind === 'failed' ? outcome.retryAfterSeconds : null };
}

/** The provider answered that it mints no such token: nothing is wrong with the grant. */
async function refuse(
  deps: CallStepDeps,
  input: NarrowingStepInput,
  { upstreamError, upstreamStatus }: ProviderCallFailure,
): Promise<NarrowOutcome> {
  const { about, via } = input;
  const words = { upstream_error: upstreamError, upstream_status: upstreamStatus };
  await deps.database.transaction(async (stores) => {
    await releaseAnswered(stores, input, false);
    await stores.audit.insert([
      createStepEntry(deps, input, {
        ...about,
        eventType: 'token.narrowed',
        outcome: 'failure',
        data: { scopes: [], via, ...words },
      }),
    ]);
  });
  return { kind: 'cannot_narrow' };
}

/** Without a call. */
async function giveUp(deps: CallStepDeps, input: NarrowingStepInput, outcome: NarrowOutcome): Promise<NarrowOutcome> {
  await deps.database.transaction((stores) => releaseUncalled(stores, input));
  return outcome;
}

/** `isTaken`: the provider took the refresh token, so that nothing is in doubt about it any more. */
function releaseAnswered(
  stores: Stores,
  { attempt, connection, owner }: NarrowingStepInput,
  isTaken: boolean,
): Promise<boolean> {
  return stores.connections.releaseRefreshLease({
    connectionRef: connection.connectionRef,
    owner,
    nextAttemptInSeconds: null,
    failures: 'reset',
    intent: attempt.wasInDoubt && !isTaken ? 'in_doubt' : 'cleared',
  });
}

async function settleMinted(
  deps: CallStepDeps,
  input: NarrowingStepInput,
  held: OauthCredential,
  answer: MintedToken,
): Promise<NarrowOutcome> {
  const token = describeToken(held, answer);
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
  if (!isCurrent) {
    const { mayBeCommitted } = attempts;
    return settleSuperseded(
      deps,
      input,
      { ...answer, tokenSet: token.credential },
      { mayBeCommitted, mayBeInUse: mayBeCommitted || isOwn },
    );
  }
  if (attempts.isWanted) return { kind: 'narrowed', token };
  if (!attempts.mayBeStored && !isOwn) await takeBack(deps, input, token);
  return { kind: isUsable ? 'unwanted' : 'cannot_narrow' };
}

/** It may be sent wherever the credential may that it was minted from. */
function describeToken({ origins }: OauthCredential, { tokenSet, issuedOrigin }: MintedToken): NarrowedToken {
  return { credential: origins === undefined ? tokenSet : { ...tokenSet, origins }, issuedOrigin };
}

/** The connection was deleted, or got a newer credential, while the provider answered. */
async function settleSuperseded(
  deps: CallStepDeps,
  input: NarrowingStepInput,
  { tokenSet, issuedOrigin, rotatedRefreshToken }: MintedToken,
  use: { readonly mayBeInUse: boolean; readonly mayBeCommitted: boolean },
): Promise<NarrowOutcome> {
  const current = await deps.database.stores.connections.findByRef(input.connection.connectionRef);
  const answered = { ...tokenSet, refreshToken: rotatedRefreshToken ?? tokenSet.refreshToken };
  const isOver = current === null || current.status === 'revoked';
  let isRevoked = false;
  if (isOver) isRevoked = (await discardGrant(deps, input, answered)).providerRevoked;
  else if (!use.mayBeInUse) isRevoked = await discardSuperseded(deps, input, { credential: answered, issuedOrigin });
  if (!use.mayBeCommitted) await noteUnstored(deps, input, { current, isRevoked, intentId: input.attempt.intentId });
  return current?.status === 'active' ? { kind: 'failed', retryAfterSeconds: null } : { kind: 'attention' };
}

interface Minted {
  readonly token: NarrowedToken;
  readonly isUsable: boolean;
  /** Stores the token where it is wanted; the last step of a transaction. */
  readonly beside: (stores: Stores) => Promise<void>;
}

/** The new refresh token is the connection's; its own access token stays what it was. */
function commitRotated(
  deps: CallStepDeps,
  input: NarrowingStepInput,
  minted: Minted,
  credential: OauthCredential,
): Promise<boolean> {
  const event = describeMinted(input, minted, input.connection.version + 1);
  const renewed = { credential, isRefresh: false, event, entryIds: [] };
  return commitRenewal(deps, input, { renewed, attempts: commitAttempts, beside: minted.beside });
}

async function commitMinted(deps: CallStepDeps, input: NarrowingStepInput, minted: Minted): Promise<boolean> {
  const { connectionRef, version } = input.connection;
  let isAgain = false;
  try {
    return await tryRepeatedly(deps, commitAttempts, () =>
      deps.database.transaction(async (stores) => {
        const isActive = await stores.connections.holdActive(connectionRef);
        const current = isActive ? await stores.connections.findByRef(connectionRef) : null;
        const isReleased = await releaseAnswered(stores, input, input.via === 'refresh');
        if (current?.version !== version) return false;
        // A commit whose answer got lost may have happened, and gave the lease back.
        if (isAgain && !isReleased) return true;
        isAgain = true;
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
  { via, about, attempt }: NarrowingStepInput,
  { token: { credential }, isUsable }: Minted,
  version: number,
): AuditEvent {
  const scopes = splitScope(credential.scope);
  return {
    ...about,
    eventType: 'token.narrowed',
    outcome: isUsable ? 'success' : 'failure',
    data: { scopes, via, expires_at: credential.expiresAt, version, intent_id: attempt.intentId },
  };
}
