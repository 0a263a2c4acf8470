import type { KeyProvider } from '@nexus/vault/key-provider';
import { type KeyRingRow, rewrapDataKey } from '@nexus/vault/key-ring';
import type { RewrapInput } from '../stores/key-ring-store.js';
import { askKeyProvider } from './ask-key-provider.js';

/** A KMS may answer slowly and limits how often it is asked. */
const atOnce = 4;

/**
 * Every data key that is not destroyed, wrapped under another key-encryption key and found to unwrap again. Nothing is
 * stored.
 *
 * @throws NexusError `kek_unusable`, `key_provider_unavailable`.
 */
export async function rewrapRing(
  keyProvider: KeyProvider,
  rows: readonly KeyRingRow[],
  toKekId: string,
): Promise<readonly RewrapInput[]> {
  const due = rows.filter((row) => row.state !== 'destroyed' && row.wrappedBy !== toKekId);
  const rewrapped: RewrapInput[] = [];
  for (let start = 0; start < due.length; start += atOnce) {
    const page = due.slice(start, start + atOnce).map(async (row): Promise<RewrapInput> => {
      const wrapped = await askKeyProvider(() => rewrapDataKey({ provider: keyProvider, row, toKekId }));
      return { id: row.id, expected: row.wrapped, wrappedBy: toKekId, wrapped };
    });
    rewrapped.push(...(await Promise.all(page)));
  }
  return rewrapped;
}
