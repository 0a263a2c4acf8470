/**
 * Compares sealed values as they are stored with the newest witness of each in the log, which finds a row that was put
 * back from the past.
 */
import { isMembers, type ReadEntry } from './verify-entry.js';
import { isInteger } from './verify-lines.js';

/** A sealed value as the store holds it. */
export interface StoredBlob {
  readonly table: string;
  readonly row: string;
  readonly blob_sha256: string;
}

export type StoredRow = Pick<StoredBlob, 'table' | 'row'>;

/** A row that does not hold what the log says, and how. */
export interface StoreMismatch extends StoredRow {
  readonly fault: string;
}

interface Witness {
  readonly version: number;
  /** Null where the value was erased. */
  readonly sha256: string | null;
}

/** Whether what the log has a witness of must be there. The token of a session may go without an entry of its own. */
const mustExist: ReadonlyMap<string, boolean> = new Map([
  ['connection', true],
  ['provider', true],
  ['agent_session', false],
  ['webhook', true],
]);

export class WitnessedStore {
  readonly #sealed = new Map<string, Witness>();
  #unsealed = new Map<string, Witness>();
  /** What rows that were to be looked at again may hold: the newest value until then, and every one sealed since. */
  #since = new Map<string, Set<string | null>>();
  #compared = 0;

  /** Takes what an entry says of stored values. One that is not sealed must have a mac that was checked. */
  entry({ event_type, data, store }: ReadEntry, isSealed: boolean): void {
    const witnesses = isSealed ? this.#sealed : this.#unsealed;
    if (isMembers(store)) this.#remember(witnesses, store['table'], store);
    if (event_type !== 'vault.resealed' || !Array.isArray(data['rows'])) return;
    for (const row of data['rows']) if (isMembers(row)) this.#remember(witnesses, data['table'], row);
  }

  /** The log is read on from its last link for these rows, and what was unsealed is read again. */
  readOn(rows: readonly StoredRow[]): void {
    this.#unsealed = new Map();
    this.#since = new Map(
      rows.map((row) => {
        const newest = this.#sealed.get(toKey(row));
        return [toKey(row), new Set(newest === undefined ? [] : [newest.sha256])];
      }),
    );
  }

  get compared(): number {
    return this.#compared;
  }

  /** @param blobs all that the store holds */
  async compare(blobs: AsyncIterable<StoredBlob>): Promise<readonly StoreMismatch[]> {
    const mismatches: StoreMismatch[] = [];
    const seen = new Set<string>();
    for await (const { table, row, blob_sha256 } of blobs) {
      if (!mustExist.has(table)) continue;
      this.#compared += 1;
      seen.add(toKey({ table, row }));
      mismatches.push(...this.#judge({ table, row }, blob_sha256));
    }
    for (const key of new Set([...this.#sealed.keys(), ...this.#unsealed.keys()])) {
      if (!seen.has(key)) mismatches.push(...this.#judge(fromKey(key), null));
    }
    return mismatches;
  }

  /** @param blobs all that these rows held between the two readings of the log */
  compareAgain(rows: readonly StoredRow[], blobs: readonly StoredBlob[]): readonly StoreMismatch[] {
    const heldByKey = new Map(blobs.map((blob) => [toKey(blob), blob.blob_sha256]));
    return rows.flatMap(({ table, row }) => {
      const key = toKey({ table, row });
      const held = heldByKey.get(key) ?? null;
      return this.#since.get(key)?.has(held) === true ? [] : this.#judge({ table, row }, held);
    });
  }

  /** None or one. `held` is null for a row that is not there or holds nothing. */
  #judge(stored: StoredRow, held: string | null): readonly StoreMismatch[] {
    const newest = this.#newest(toKey(stored));
    if (newest === undefined) return held === null ? [] : [{ ...stored, fault: 'holds a value the log never saw' }];
    if (held === newest.sha256) return [];
    if (held !== null) return [{ ...stored, fault: 'does not hold the value that the log saw last' }];
    return mustExist.get(stored.table) === true ? [{ ...stored, fault: 'lost its value without an entry' }] : [];
  }

  #newest(key: string): Witness | undefined {
    const [sealed, unsealed] = [this.#sealed.get(key), this.#unsealed.get(key)];
    if (sealed === undefined || unsealed === undefined) return sealed ?? unsealed;
    return unsealed.version >= sealed.version ? unsealed : sealed;
  }

  /** Of two witnesses of one version the later one counts: re-sealing leaves the version as it is. */
  #remember(witnesses: Map<string, Witness>, table: unknown, witness: { readonly [name: string]: unknown }): void {
    const { row, version, blob_sha256: sha256 } = witness;
    if (typeof table !== 'string' || typeof row !== 'string' || !isInteger(version)) return;
    if (typeof sha256 !== 'string' && sha256 !== null) return;
    const key = toKey({ table, row });
    const known = witnesses.get(key);
    if (known === undefined || known.version <= version) witnesses.set(key, { version, sha256 });
    if (witnesses === this.#sealed) this.#since.get(key)?.add(sha256);
  }
}

function toKey({ table, row }: StoredRow): string {
  return `${table}\n${row}`;
}

function fromKey(key: string): StoredRow {
  const [table = '', row = ''] = key.split('\n');
  return { table, row };
}
