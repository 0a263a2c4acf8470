import { type Instant, toEpochMs } from '@nexus/core/clock';
import { UlidSequence } from '@nexus/core/ids';
import type { CreatedDataKey } from '@nexus/vault/key-ring';
import type { Vault } from '@nexus/vault/vault';
import { type AuditEntry, createAuditEntry } from '../domain/audit-event.js';
import { systemOrigin } from '../domain/request-context.js';
import { describeAddedKey } from '../keyring/add-data-key.js';

/**
 * Entries that name the keys a start makes, for the transaction that stores the keys: a start that dies afterwards must
 * leave no key that auditors never hear of. The audit log itself is opened only once there are keys.
 */
export function announceKeys(vault: Vault, keys: readonly CreatedDataKey[], createdAt: Instant): AuditEntry[] {
  const ids = new UlidSequence();
  return keys.map((key) =>
    createAuditEntry(describeAddedKey(key), systemOrigin('startup'), {
      id: ids.next(toEpochMs(createdAt)),
      createdAt,
      mac: (entryHash) => vault.mac(entryHash),
    }),
  );
}
