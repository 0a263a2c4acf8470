/** Stores what the database would not take before. The version decides, so no lease is needed: a lost one forbids nothing. */
import type { Connection } from '../domain/connection.js';
import { commitRenewal } from './commit-renewal.js';
import { createStepEntry, type RefreshStepDeps, type RefreshStepInput } from './refresh-step.js';
import { settleUnstored } from './store-renewed.js';
import type { Renewed, UnsavedRenewal } from './unsaved-renewals.js';

/** Resolves once the renewal waits no longer. @throws NexusError `audit_unavailable` while it cannot be stored. */
export async function storeKeptRenewal(deps: RefreshStepDeps, kept: UnsavedRenewal, owner: string): Promise<void> {
  const { connection, provider, context, renewed } = kept;
  const input = { connection, provider, context, owner };
  const { connectionRef } = connection;
  const { connections, audit } = deps.database.stores;
  const current = await connections.findByRef(connectionRef);
  const isStored = isReplaceable(connection, current)
    ? await store(deps, input, renewed, current)
    : // A commit whose answer got lost may have stored just this.
      await audit.hasAny(renewed.entryIds);
  if (!isStored) await settleUnstored(deps, input, renewed, await connections.findByRef(connectionRef));
  deps.unsaved.forget(connectionRef);
}

function isReplaceable({ version }: Connection, current: Connection | null): current is Connection {
  return current !== null && current.status !== 'revoked' && current.version === version;
}

function store(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  renewed: Renewed,
  { status, reason }: Connection,
): Promise<boolean> {
  // Another Broker may have shown the old refresh token meanwhile and concluded that the new one was lost.
  if (status !== 'attention' || reason !== 'lost_rotation') return commitRenewal(deps, input, { renewed, attempts: 1 });
  const event = { eventType: 'connection.activated', outcome: 'success' } as const;
  return commitRenewal(deps, input, {
    renewed,
    attempts: 1,
    from: ['active', 'attention'],
    beside: (stores) => stores.audit.insert([createStepEntry(deps, input, event)]),
  });
}
