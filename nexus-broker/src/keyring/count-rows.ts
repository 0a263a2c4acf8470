import type { KeyPurpose, KeyRingRow } from '@nexus/vault/key-ring';
import { sealedTargets } from '../domain/sealed-targets.js';
import type { Stores } from '../stores/database.js';

/** Whether keys of this purpose seal stored values. */
export function sealsValues(purpose: KeyPurpose): boolean {
  return sealedTargets.some((target) => target.purpose === purpose);
}

/** Values sealed under the key, in whichever column. */
export async function countSealed(stores: Stores, key: Pick<KeyRingRow, 'id' | 'purpose'>): Promise<number> {
  let count = 0;
  for (const target of sealedTargets.filter(({ purpose }) => purpose === key.purpose)) {
    count += await stores.sealedBlobs.countUnder(target, key.id);
  }
  return count;
}
