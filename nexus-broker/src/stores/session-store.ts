import { createSessionChanges } from './session-changes.js';
import { createSessionReads } from './session-reads.js';
import type { StoreContext } from './store-context.js';

/** Sessions of agents. Open means neither closed nor past its expiry by the database's clock. */
export function createSessionStore(context: StoreContext) {
  return { ...createSessionReads(context), ...createSessionChanges(context) };
}
