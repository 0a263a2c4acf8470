import { createConnectionChanges } from './connection-changes.js';
import { createConnectionReads } from './connection-reads.js';
import { createPendingExpiry } from './pending-expiry.js';
import { createRefreshLeases } from './refresh-leases.js';
import type { StoreContext } from './store-context.js';

export type ConnectionStore = ReturnType<typeof createConnectionReads> &
  ReturnType<typeof createConnectionChanges> &
  ReturnType<typeof createPendingExpiry> &
  ReturnType<typeof createRefreshLeases>;

export function createConnectionStore(context: StoreContext): ConnectionStore {
  return {
    ...createConnectionReads(context),
    ...createConnectionChanges(context),
    ...createPendingExpiry(context),
    ...createRefreshLeases(context),
  };
}
