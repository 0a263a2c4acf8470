/** Stores what a refresh brought, or settles what becomes of it where something else is stored by then. */
import type { Connection } from '../domain/connection.js';
import { commitRenewal } from './commit-renewal.js';
import { discardGrant, discardSuperseded } from './discard-tokens.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import { createStepEntry, type RefreshStepDeps, type RefreshStepInput } from './refresh-step.js';
import type { Renewed } from './unsaved-renewals.js';

/** @throws NexusError `audit_unavailable`; what was renewed is kept then. */
export async function storeRenewed(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  renewed: Renewed,
  attempts: number,
): Promise<RefreshOutcome> {
  if (await commitRenewal(deps, input, { renewed, attempts })) return { kind: 'refreshed' };
  const current = await deps.database.stores.connections.findByRef(input.connection.connectionRef);
  return settleUnstored(deps, input, renewed, current);
}

/** `current` is what the connection holds instead. */
export async function settleUnstored(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  { credential, event }: Renewed,
  current: Connection | null,
): Promise<RefreshOutcome> {
  const { connection } = input;
  const token = { credential, issuedOrigin: connection.issuedOrigin };
  const isOver = current === null || current.status === 'revoked';
  const isRevoked = isOver
    ? (await discardGrant(deps, input, credential)).providerRevoked
    : await discardSuperseded(deps, input, token);
  await noteUnstored(deps, input, { current, isRevoked, intentId: event.data?.['intent_id' as never] ?? null });
  return { kind: current?.status === 'active' ? 'still_fresh' : 'attention' };
}

interface Unstored {
  readonly current: Connection | null;
  /** Whether the provider took back what it had issued. */
  readonly isRevoked: boolean;
  readonly intentId: string | null;
}

/** What is stored wins (a sibling of the same parent, a reconnect) or is ended; the call is told of all the same. */
export async function noteUnstored(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  { current, isRevoked, intentId }: Unstored,
): Promise<void> {
  const isOver = current === null || current.status === 'revoked';
  const told = { provider_revoked: isRevoked, intent_id: intentId };
  const entry = createStepEntry(
    deps,
    input,
    isOver
      ? { eventType: 'token.refresh_failed', outcome: 'failure', data: { class: 'connection_ended', ...told } }
      : { eventType: 'token.refresh_sibling', outcome: 'failure', data: { version: current.version, ...told } },
  );
  await deps.database.transaction((stores) => stores.audit.insert([entry]));
}
