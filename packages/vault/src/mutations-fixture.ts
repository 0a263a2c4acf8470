/**
 * A store of sealed values and random manipulations of it, as one with write access to the database could make them:
 * each must be refused. Everything follows from the seed but the nonces, so that a run can be repeated.
 */
import { createHash } from 'node:crypto';
import { VaultError } from './key-provider.js';
import { LiveVault } from './live-vault-fixture.js';
import { asSealedBlob, type BlobContext, reseal, type Vault } from './vault.js';
import { blobPurposes, type ExampleRow } from './vault-fixture.js';

interface StoredValue {
  readonly blob: Uint8Array;
  readonly context: BlobContext;
}

interface MutationResult {
  readonly tried: number;
  /** How many of each kind were refused, by kind and code. */
  readonly refused: ReadonlyMap<string, number>;
  /** Descriptions of what was accepted or failed in another way than as a refusal. */
  readonly accepted: readonly string[];
}

/** The part of a seeded generator that is needed here: SHA-256 in counter mode. */
class Dice {
  readonly #seed: string;
  #block = Buffer.alloc(0);
  #used = 0;
  #count = 0;

  constructor(seed: number) {
    this.#seed = `nexus mutations ${seed}`;
  }

  /** From 0 to `limit - 1`. */
  below(limit: number): number {
    if (this.#used + 4 > this.#block.length) {
      this.#block = createHash('sha256')
        .update(`${this.#seed} ${this.#count++}`)
        .digest();
      this.#used = 0;
    }
    const value = this.#block.readUInt32BE(this.#used);
    this.#used += 4;
    return value % limit;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

const newer = '2027-01-01T00:00:00.000Z';
/** Besides one active key of each purpose: keys of every other state, and others that are newer. */
const rotated: readonly ExampleRow[] = [
  ...blobPurposes.map((purpose, index) => ({ id: 11 + index, purpose, activatedAt: newer })),
  ...blobPurposes.map((purpose, index) => ({ id: 21 + index, purpose, state: 'decrypt-only' as const })),
  { id: 31, purpose: 'cred', state: 'compromised' },
  { id: 257, purpose: 'cred', state: 'decrypt-only' },
];

const columns = ['connection.sealed_credential', 'agent_session.sealed_token', 'flow.sealed_result'] as const;

function createContext(dice: Dice, row: number): BlobContext {
  const [table = '', column = ''] = dice.pick(columns).split('.');
  return {
    purpose: dice.pick(blobPurposes),
    table,
    column,
    workspaceId: dice.pick(['default', 'w2', '']),
    rowId: `row-${row}`,
    providerId: dice.pick(['p1', 'p2', '']),
    version: dice.pick([0, 1, 2, 7, 2 ** 32]),
    issuedOrigin: dice.pick(['https://as.example.test:443', 'https://as.example.test:8443', '']),
  };
}

/** Values of all lengths under older and newer keys, some of them sealed again, and the vault that opens all of them. */
async function createStore(dice: Dice, size: number): Promise<{ vault: Vault; values: StoredValue[] }> {
  const live = await LiveVault.open();
  const before = Array.from({ length: size }, (_, row) => {
    const context = createContext(dice, row);
    return { context, blob: live.vault.seal(dice.bytes(dice.pick([0, 1, 40, 255, 256, 900])), context) };
  });
  for (const row of rotated) await live.add(row);
  await live.vault.reload();
  const values = before.map(({ context, blob }): StoredValue => {
    const stays = dice.below(3) === 0;
    return { context, blob: stays ? blob : (reseal(live.vault, blob, context) ?? blob) };
  });
  return { vault: live.vault, values };
}

type Mutation = (dice: Dice, value: StoredValue, other: StoredValue) => StoredValue;

function withBlob(value: StoredValue, edit: (blob: Uint8Array) => Uint8Array | undefined): StoredValue {
  const copy = new Uint8Array(value.blob);
  return { ...value, blob: edit(copy) ?? copy };
}

function withContext(value: StoredValue, edit: Partial<BlobContext>): StoredValue {
  return { ...value, context: { ...value.context, ...edit } };
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const fields = ['table', 'column', 'workspaceId', 'rowId', 'providerId', 'version', 'issuedOrigin'] as const;

const mutations: Readonly<Record<string, Mutation>> = {
  'flip bits': (dice, value) =>
    withBlob(value, (blob) => {
      for (let flips = 1 + dice.below(3); flips > 0; flips--) {
        const at = dice.below(blob.length);
        blob[at] = (blob[at] ?? 0) ^ (1 << dice.below(8));
      }
      return blob;
    }),
  'overwrite bytes': (dice, value) =>
    withBlob(value, (blob) => {
      const part = dice.bytes(1 + dice.below(32));
      blob.set(part, dice.below(blob.length - part.length));
      return blob;
    }),
  cut: (dice, value) => withBlob(value, (blob) => blob.slice(0, dice.below(blob.length))),
  'cut at the front': (dice, value) => withBlob(value, (blob) => blob.slice(1 + dice.below(blob.length - 1))),
  'cut out': (dice, value) =>
    withBlob(value, (blob) => {
      const start = dice.below(blob.length - 1);
      return concat(blob.subarray(0, start), blob.subarray(start + 1 + dice.below(blob.length - start - 1)));
    }),
  'cut a step of padding': (_dice, value) =>
    withBlob(value, (blob) => concat(blob.subarray(0, 32), blob.subarray(288))),
  extend: (dice, value) => withBlob(value, (blob) => concat(blob, dice.bytes(1 + dice.below(600)))),
  'extend by a step of padding': (dice, value) =>
    withBlob(value, (blob) => concat(blob, dice.below(2) === 0 ? new Uint8Array(256) : dice.bytes(256))),
  'insert bytes': (dice, value) =>
    withBlob(value, (blob) => {
      const at = dice.below(blob.length);
      return concat(blob.subarray(0, at), dice.bytes(1 + dice.below(64)), blob.subarray(at));
    }),
  'name another key': (dice, value) =>
    withBlob(value, (blob) => {
      const known = [...Array(5).keys(), ...rotated.map(({ id }) => id ?? 0), dice.below(2 ** 32)];
      new DataView(blob.buffer).setUint32(4, dice.pick(known));
      return blob;
    }),
  'take the nonce of another value': (_dice, value, other) =>
    withBlob(value, (blob) => {
      blob.set(other.blob.subarray(8, 32), 8);
      return blob;
    }),
  'take the tag of another value': (_dice, value, other) =>
    withBlob(value, (blob) => {
      blob.set(other.blob.subarray(-16), blob.length - 16);
      return blob;
    }),
  'take the body of another value': (_dice, value, other) =>
    withBlob(value, (blob) => concat(blob.subarray(0, 32), other.blob.subarray(32))),
  'exchange rows': (_dice, value, other) => ({ context: other.context, blob: value.blob }),
  'move to another row': (_dice, value, other) => withContext(value, { rowId: other.context.rowId }),
  'move to another column': (dice, value) => {
    const [table = '', column = ''] = dice.pick(columns).split('.');
    return withContext(value, { table, column });
  },
  'move to another workspace': (dice, value) =>
    withContext(value, { workspaceId: dice.pick(['default', 'w2', 'w3', '']) }),
  'move to another provider': (dice, value) => withContext(value, { providerId: dice.pick(['p1', 'p2', 'p3', '']) }),
  'take for another version': (dice, value) =>
    withContext(value, { version: Math.max(0, value.context.version + dice.below(5) - 2) }),
  'take for another purpose': (dice, value) => withContext(value, { purpose: dice.pick(blobPurposes) }),
  'take for another issuer': (dice, value) => {
    const origins = ['http://as.example.test:443', 'https://as.example.test.:443', 'https://evil.test:443', ''];
    return withContext(value, { issuedOrigin: dice.pick(origins) });
  },
  'take over fields of another row': (dice, value, other) => {
    const chosen = fields.filter(() => dice.below(2) === 0);
    return withContext(value, Object.fromEntries(chosen.map((field) => [field, other.context[field]])));
  },
  'shift text between fields': (dice, value) => {
    const { table, column } = value.context;
    const at = dice.below(table.length + column.length + 1);
    return withContext(value, { table: `${table}${column}`.slice(0, at), column: `${table}${column}`.slice(at) });
  },
};

function isSame(one: StoredValue, other: StoredValue): boolean {
  return (
    Buffer.compare(one.blob, other.blob) === 0 &&
    one.context.purpose === other.context.purpose &&
    fields.every((field) => one.context[field] === other.context[field])
  );
}

/** The code of the refusal; null when it was accepted. Another error than a refusal is passed on. */
function tryOpen(vault: Vault, { blob, context }: StoredValue): string | null {
  try {
    vault.open(asSealedBlob(blob), context);
    return null;
  } catch (error) {
    if (error instanceof VaultError && (error.code === 'integrity' || error.code === 'unknown_key')) return error.code;
    throw error;
  }
}

/** Tries `count` mutations, one to three at a time on one value. */
export async function runMutations({ count, seed }: { count: number; seed: number }): Promise<MutationResult> {
  const dice = new Dice(seed);
  const { vault, values } = await createStore(dice, 50);
  for (const value of values) if (tryOpen(vault, value) !== null) throw new Error('an untouched value does not open');
  const refused = new Map<string, number>();
  const accepted: string[] = [];
  for (let tried = 0; tried < count; ) {
    const original = dice.pick(values);
    const kinds = Array.from({ length: dice.pick([1, 1, 1, 2, 3]) }, () => dice.pick(Object.keys(mutations)));
    let mutated = original;
    for (const kind of kinds) {
      // What is too short to be cut or overwritten once more stays as it is.
      if (mutated.blob.length > 64) mutated = mutations[kind]?.(dice, mutated, dice.pick(values)) ?? mutated;
    }
    if (values.some((value) => isSame(value, mutated))) continue;
    tried += 1;
    const code = tryOpen(vault, mutated);
    if (code === null) accepted.push(`${kinds.join(', ')} of ${original.context.rowId}`);
    else for (const kind of kinds) refused.set(`${kind}: ${code}`, (refused.get(`${kind}: ${code}`) ?? 0) + 1);
  }
  for (const value of values) if (tryOpen(vault, value) !== null) throw new Error('a stored value was changed');
  return { tried: count, refused, accepted };
}

export const mutationKinds: readonly string[] = Object.keys(mutations);
