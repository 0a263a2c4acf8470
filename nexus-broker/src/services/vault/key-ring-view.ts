import type { KeyRingRow } from '@nexus/vault/key-ring';
import type { Vault } from '@nexus/vault/vault';
import type { Kek } from '../../domain/key-rotation.js';
import { nameTarget, sealedTargets } from '../../domain/sealed-targets.js';
import { countSealed, sealsValues } from '../../keyring/count-rows.js';
import { writeVerifierKey } from '../../keyring/verifier-key.js';
import type { Stores } from '../../stores/database.js';

export interface DataKeyView {
  readonly key: KeyRingRow;
  /** Values sealed under it; null for a key that seals none. */
  readonly rows: number | null;
  /** Verifier key of a checkpoint key, once this Broker knows it. */
  readonly publicKey: string | null;
}

export interface KekView {
  readonly kek: Kek;
  /** Data keys it wraps. */
  readonly dataKeys: number;
}

export async function viewDataKey(stores: Stores, vault: Vault, key: KeyRingRow): Promise<DataKeyView> {
  const rows = sealsValues(key.purpose) ? await countSealed(stores, key) : null;
  return { key, rows, publicKey: findPublicKey(vault, key) };
}

export async function viewDataKeys(
  stores: Stores,
  vault: Vault,
  keys: readonly KeyRingRow[],
): Promise<readonly DataKeyView[]> {
  const counts = new Map<number, number>();
  for (const target of sealedTargets) {
    for (const [id, count] of await stores.sealedBlobs.countByKey(target))
      counts.set(id, (counts.get(id) ?? 0) + count);
  }
  return keys.map((key) => ({
    key,
    rows: sealsValues(key.purpose) ? (counts.get(key.id) ?? 0) : null,
    publicKey: findPublicKey(vault, key),
  }));
}

export function viewKek(keys: readonly KeyRingRow[], kek: Kek): KekView {
  return { kek, dataKeys: keys.filter((key) => key.state !== 'destroyed' && key.wrappedBy === kek.id).length };
}

/** Values still under a key, by its id and the name of the column. */
export async function countRemaining(stores: Stores, keyId: number, name: string): Promise<number> {
  const target = sealedTargets.find((one) => nameTarget(one) === name);
  return target === undefined ? 0 : stores.sealedBlobs.countUnder(target, keyId);
}

function findPublicKey(vault: Vault, { id, purpose }: KeyRingRow): string | null {
  if (purpose !== 'checkpoint') return null;
  const known = vault.publicKeys().find(({ keyId }) => keyId === id);
  return known === undefined ? null : writeVerifierKey(id, known.publicKey);
}
