/**
 * Unwraps a key ring and keeps it. Fails closed: one key that is missing, wrong or altered refuses the whole ring, with
 * a message that names the data key and the KEK. Nothing here creates a key.
 */
import { Secret } from '@nexus/core/secret';
import { keyLength } from './aead.js';
import { computeDekCheckValue, equalBytes } from './derived-keys.js';
import { type KeyProvider, VaultError } from './key-provider.js';
import { type KeyPurpose, type KeyRingRow, keyPurposes, toWrapContext } from './key-ring.js';

export interface DataKey {
  readonly id: number;
  readonly purpose: KeyPurpose;
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

  list(purpose: KeyPurpose): DataKey[] {
    return [...this.#byId.values()].filter((key) => key.purpose === purpose);
  }
}

interface UnwrapDeps {
  readonly provider: KeyProvider;
  readonly timeoutMs: number;
}

/** A foreign error is not quoted: nothing is known about what its message or cause may hold. */
function toProviderFailure(subject: string, error: unknown): VaultError {
  if (error instanceof VaultError)
    return new VaultError(error.code, `${subject}: ${error.message.replace(/\.$/, '')}.`);
  const kind = error instanceof Error && /^[A-Za-z]{1,40}$/.test(error.name) ? error.name : 'an error';
  return new VaultError('provider_failed', `${subject}: it failed with ${kind}.`);
}

async function askProvider<T>(deps: UnwrapDeps, question: string, ask: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    const late = new VaultError('provider_failed', `no answer within ${deps.timeoutMs} ms`);
    timer = setTimeout(() => reject(late), deps.timeoutMs);
  });
  try {
    return await Promise.race([ask(), timeout]);
  } catch (error) {
    throw toProviderFailure(`${question}, key provider "${deps.provider.id}"`, error);
  } finally {
    clearTimeout(timer);
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

async function unwrapRow(deps: UnwrapDeps, row: KeyRingRow): Promise<DataKey> {
  const name = `Data key ${row.id} ("${row.purpose}"), wrapped by ${JSON.stringify(row.wrappedBy)}`;
  const unwrap = () => deps.provider.unwrap(row.wrappedBy, row.wrapped, toWrapContext(row));
  const dek = await askProvider(deps, name, unwrap);
  if (dek.length !== keyLength || !equalBytes(computeDekCheckValue(dek), row.kcv)) {
    throw new VaultError('wrong_key', `${name}: it unwraps to another key than its check value was made from.`);
  }
  return { id: row.id, purpose: row.purpose, key: new Secret(new Uint8Array(dek)) };
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

/**
 * @throws VaultError `missing_key` (a KEK, or an active key of a purpose), `wrong_key`, `integrity`, `provider_failed`.
 */
export async function unwrapKeyRing(deps: UnwrapDeps, rows: readonly KeyRingRow[]): Promise<UnwrappedKeys> {
  checkRows(rows);
  const usable = rows.filter((row) => row.state !== 'destroyed');
  const sealing = keyPurposes.map((purpose) => ({ purpose, keyId: chooseNewest(usable, purpose) }));
  const held = new Set((await askProvider(deps, 'Listing keys', () => deps.provider.keys())).map((kek) => kek.id));
  const orphan = usable.find((row) => !held.has(row.wrappedBy));
  if (orphan !== undefined) {
    const kek = JSON.stringify(orphan.wrappedBy);
    const advice = 'Restore that key from its backup; no other key can open the data.';
    const wraps = `which wraps data key ${orphan.id}`;
    throw new VaultError('missing_key', `The key provider "${deps.provider.id}" lacks key ${kek}, ${wraps}. ${advice}`);
  }
  const results = await Promise.allSettled(usable.map((row) => unwrapRow(deps, row)));
  const byId = new Map<number, DataKey>();
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason;
    byId.set(result.value.id, result.value);
  }
  const newest = new Map<KeyPurpose, DataKey>();
  for (const { purpose, keyId } of sealing) {
    const key = byId.get(keyId);
    if (key !== undefined) newest.set(purpose, key);
  }
  return new UnwrappedKeys(byId, newest);
}
