/** Stores what the database would not take before. The version decides, so no lease is needed: a lost one forbids nothing. */
import { commitRenewal } from './commit-renewal.js';
import { createStepEntry, type RefreshStepDeps } from './refresh-step.js';
import { settleUnstored } from './store-renewed.js';
import type { UnsavedRenewal } from './unsaved-renewals.js';

/** Resolves once the renewal waits no longer. @throws NexusError `audit_unavailable` while it cannot be stored. */
export async function storeKeptRenewal(deps: RefreshStepDeps, kept: UnsavedRenewal, owner: string): Promise<void> {
  const { connection, provider, context, renewed } = kept;
  const input = { connection, provider, context, owner };
  const { connectionRef } = connection;
  const current = await deps.database.stores.connections.findByRef(connectionRef);
  if (current === null || current.status === 'revoked' || current.version !== connection.version) {
    // A commit whose answer got lost may have stored just this.
    if (!(await deps.database.stores.audit.hasAny(renewed.entryIds)))
      await settleUnstored(deps, input, renewed, current);
  } else {
    // Another Broker may have shown the old refresh token meanwhile and concluded that the new one was lost.
    const isTakenForLost = current.status === 'attention' && current.reason === 'lost_rotation';
    if (isTakenForLost) {
      const event = { eventType: 'connection.activated', outcome: 'success' } as const;
      await commitRenewal(deps, input, {
        renewed,
        attempts: 1,
        from: ['active', 'attention'],
        beside: (stores) => stores.audit.insert([createStepEntry(deps, input, event)]),
      });
    } else {
      await commitRenewal(deps, input, { renewed, attempts: 1 });
    }
  }
  deps.unsaved.forget(connectionRef);
}
