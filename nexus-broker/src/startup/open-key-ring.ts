/** Opens the vault over the stored key ring; only a Broker without any data makes keys. */
import { existsSync } from 'node:fs';
import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { createKeyFile, openKeyFile } from '@nexus/vault/file-key-provider';
import { VaultError } from '@nexus/vault/key-provider';
import { createKeyRing, type KeyRingRow } from '@nexus/vault/key-ring';
import { openVault, type Vault } from '@nexus/vault/vault';
import type { Database } from '../stores/database.js';

interface OpenKeyRingDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly keyFile: string;
}

export interface OpenedKeyRing {
  readonly vault: Vault;
  /** Rows made by this start; empty at every later one. */
  readonly created: readonly KeyRingRow[];
}

/**
 * A missing or wrong key fails closed: with data in the database no key is ever generated, since a new one would open
 * none of it.
 *
 * @throws VaultError naming the key that is missing or wrong.
 */
export async function openKeyRing(deps: OpenKeyRingDeps): Promise<OpenedKeyRing> {
  const { keyRing } = deps.database.stores;
  const stored = await keyRing.list();
  if (stored.length > 0) {
    const provider = await openKeyFile(deps.keyFile);
    return { vault: await openVault({ provider, rows: stored }), created: [] };
  }
  if ((await deps.database.stores.keys.count()) > 0) {
    throw new VaultError('missing_key', 'The key ring is empty although data exists. Restore it from a backup.');
  }
  const now = toInstant(deps.clock.now());
  if (!existsSync(deps.keyFile)) await createKeyFile(deps.keyFile, now);
  const provider = await openKeyFile(deps.keyFile);
  const rows = await createKeyRing({ provider, now });
  await deps.database.transaction(async (stores) => {
    for (const row of rows) await stores.keyRing.insert(row);
  });
  return { vault: await openVault({ provider, rows }), created: rows };
}
