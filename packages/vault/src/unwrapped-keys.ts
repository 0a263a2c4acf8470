/**
 * Unwraps a key ring and keeps it. Fails closed: one key that is missing, wrong or altered refuses the whole ring, with
 * a message that names the data key and the KEK. Nothing here creates a key.
 */
import { Secret } from '@nexus/core/secret';
import { askProvider, type ProviderAccess } from './ask-provider.js';
import { equalBytes } from './derived-keys.js';
import { VaultError } from './key-provider.js';
import { type KeyPurpose, type KeyRingRow, keyPurposes, unwrapDataKey } from './key-ring.js';

/** A provider may be a program that is started for every question. */
const unwrapsAtOnce = 4;

export interface DataKey {
  readonly id: number;
  readonly purpose: KeyPurpose;
  /** 16 bytes that identify the key. */
  readonly kcv: Uint8Array;
  readonly key: Secret<Uint8Array>;
}

/** Keeps keys in private fields, so inspection and JSON show none. */
export class UnwrappedKeys {
  readonly #byId: ReadonlyMap<number, DataKey>;
  readonly #newest: ReadonlyMap<KeyPurpose, DataKey>;

  constructor(byId: ReadonlyMap<number, DataKey>, newest: ReadonlyMap<KeyPurpose, DataKey>) {
    this.#byId = byId;
    this.#newest = newest;
  }

  /** The key that seals: of the active keys of the purpose, the one activated last. */
  newest(purpose: KeyPurpose): DataKey {
    const key = this.#newest.get(purpose);
    if (key === undefined) throw new VaultError('missing_key', `There is no active data key of purpose "${purpose}".`);
    return key;
  }

  /** @throws VaultError `unknown_key` for an id not in the ring, `integrity` for a key of another purpose. */
  find(keyId: number, purpose: KeyPurpose): DataKey {
    const key = this.#byId.get(keyId);
    if (key === undefined) throw new VaultError('unknown_key', `Data key ${keyId} is not in the key ring.`);
    if (key.purpose !== purpose) {
      throw new VaultError('integrity', `Data key ${keyId} is of purpose "${key.purpose}", not "${purpose}".`);
    }
    return key;
  }

  has(keyId: number): boolean {
    return this.#byId.has(keyId);
  }

  list(): DataKey[] {
    return [...this.#byId.values()];
  }
}

function checkRows(rows: readonly KeyRingRow[]): void {
  const seen = new Set<number>();
  for (const row of rows) {
    if (!Number.isSafeInteger(row.id) || row.id < 1 || row.id > 0xffffffff || seen.has(row.id)) {
      throw new VaultError('integrity', `The key ring is altered: the key id ${row.id} is impossible or repeated.`);
    }
    seen.add(row.id);
    if (row.alg !== 1 || !keyPurposes.includes(row.purpose)) {
      throw new VaultError('integrity', `The key ring is altered: data key ${row.id} has an unknown kind.`);
    }
  }
}

interface SealingKey {
  readonly purpose: KeyPurpose;
  readonly keyId: number;
}

/**
 * A ring only grows: a row may become `destroyed`, and none ever goes. Every key that seals was made after the one it
 * replaced, so whoever writes to the database cannot have an old key seal again that he knows.
 */
function checkKnown(known: UnwrappedKeys, rows: readonly KeyRingRow[], sealing: readonly SealingKey[]): void {
  const ids = new Set(rows.map((row) => row.id));
  const gone = known.list().find((key) => !ids.has(key.id));
  if (gone !== undefined) {
    throw new VaultError('integrity', `The key ring is altered: data key ${gone.id} is not in it any more.`);
  }
  for (const { purpose, keyId } of sealing) {
    const { id } = known.newest(purpose);
    if (keyId >= id) continue;
    const change = `data key ${keyId} is to take over from the newer data key ${id} of purpose "${purpose}"`;
    throw new VaultError('integrity', `The key ring is altered: ${change}.`);
  }
}

function chooseNewest(rows: readonly KeyRingRow[], purpose: KeyPurpose): number {
  let newest: KeyRingRow | null = null;
  for (const row of rows) {
    if (row.purpose !== purpose || row.state !== 'active') continue;
    const at = row.activatedAt ?? row.createdAt;
    const newestAt = newest?.activatedAt ?? newest?.createdAt ?? '';
    if (newest === null || at > newestAt || (at === newestAt && row.id > newest.id)) newest = row;
  }
  if (newest === null) {
    throw new VaultError('missing_key', `The key ring has no active data key of purpose "${purpose}".`);
  }
  return newest.id;
}

async function findOrphan(access: ProviderAccess, rows: readonly KeyRingRow[]): Promise<KeyRingRow | undefined> {
  const held = new Set((await askProvider(access, 'Listing keys', () => access.provider.keys())).map((kek) => kek.id));
  return rows.find((row) => !held.has(row.wrappedBy));
}

/** A KEK may have been given to the provider after it was opened. */
async function requireKeks(access: ProviderAccess, rows: readonly KeyRingRow[]): Promise<void> {
  if (rows.length === 0 || (await findOrphan(access, rows)) === undefined) return;
  await askProvider(access, 'Listing keys', () => access.provider.reload());
  const orphan = await findOrphan(access, rows);
  if (orphan === undefined) return;
  const kek = JSON.stringify(orphan.wrappedBy);
  const advice = 'Restore that key from its backup; no other key can open the data.';
  const wraps = `which wraps data key ${orphan.id}`;
  throw new VaultError('missing_key', `The key provider "${access.provider.id}" lacks key ${kek}, ${wraps}. ${advice}`);
}

/** The first row in ring order that fails gives the error. */
async function unwrapRows(access: ProviderAccess, rows: readonly KeyRingRow[]): Promise<DataKey[]> {
  const keys: DataKey[] = [];
  for (let start = 0; start < rows.length; start += unwrapsAtOnce) {
    const results = await Promise.allSettled(
      rows.slice(start, start + unwrapsAtOnce).map(async (row): Promise<DataKey> => {
        const dek = await unwrapDataKey(access, row);
        const key = new Secret(new Uint8Array(dek));
        dek.fill(0);
        return { id: row.id, purpose: row.purpose, kcv: row.kcv, key };
      }),
    );
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      keys.push(result.value);
    }
  }
  return keys;
}

/**
 * `known` is the ring as it was opened before: a key of it is not unwrapped again, so that a provider that is away
 * takes no key from a process that holds it, and the ring must be one that can follow.
 *
 * @throws VaultError `missing_key` (a KEK, or an active key of a purpose), `wrong_key`, `integrity`, `provider_failed`.
 */
export async function unwrapKeyRing(
  access: ProviderAccess,
  rows: readonly KeyRingRow[],
  known?: UnwrappedKeys,
): Promise<UnwrappedKeys> {
  checkRows(rows);
  const usable = rows.filter((row) => row.state !== 'destroyed');
  const sealing = keyPurposes.map((purpose) => ({ purpose, keyId: chooseNewest(usable, purpose) }));
  if (known !== undefined) checkKnown(known, rows, sealing);
  const held = known?.list() ?? [];
  const isHeld = (row: KeyRingRow) =>
    held.find((key) => key.id === row.id && key.purpose === row.purpose && equalBytes(key.kcv, row.kcv));
  const fresh = usable.filter((row) => isHeld(row) === undefined);
  await requireKeks(access, fresh);
  const unwrapped = new Map((await unwrapRows(access, fresh)).map((key) => [key.id, key]));
  const byId = new Map<number, DataKey>();
  for (const row of usable) {
    const key = isHeld(row) ?? unwrapped.get(row.id);
    if (key !== undefined) byId.set(row.id, key);
  }
  const newest = new Map<KeyPurpose, DataKey>();
  for (const { purpose, keyId } of sealing) {
    const key = byId.get(keyId);
    if (key !== undefined) newest.set(purpose, key);
  }
  return new UnwrappedKeys(byId, newest);
}
