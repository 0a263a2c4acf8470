import type { KeyProvider } from '@nexus/vault/key-provider';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../stores/database.js';
import type { Fence } from './fence.js';

/** What every change of the key ring needs. */
export interface KeyRingDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly keyProvider: KeyProvider;
  readonly audit: AuditLog;
  readonly fence: Fence;
  /** Signs a checkpoint over everything recorded so far. */
  readonly auditSealer: { checkpointNow(): Promise<void> };
  readonly onBackgroundError: (error: unknown) => void;
}

/** Lets this Broker act on a change at once. The change is committed, so what fails here is for the next beat to mend. */
export async function actOnChange(deps: Pick<KeyRingDeps, 'fence' | 'onBackgroundError'>): Promise<void> {
  await deps.fence.beat().catch(deps.onBackgroundError);
}
