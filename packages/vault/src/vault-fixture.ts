/** Keys, rows and random sources for the tests of this package; nothing of it is exported from the package. */
import { createHash } from 'node:crypto';
import type { RandomSource } from './aead.js';
import { computeDekCheckValue } from './derived-keys.js';
import { type KeyProvider, VaultError } from './key-provider.js';
import { type KeyPurpose, type KeyRingRow, keyPurposes, toWrapContext } from './key-ring.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import { type BlobContext, openVault, type Vault } from './vault.js';

export const exampleNow = '2026-01-02T03:04:05.678Z';

export const exampleContext: BlobContext = {
  purpose: 'cred',
  table: 'connections',
  column: 'credential',
  workspaceId: 'default',
  rowId: '01JGEXAMPLE0000000000000001',
  providerId: '01JGEXAMPLE0000000000000002',
  version: 7,
  issuedOrigin: 'https://as.example.test:443',
};

/** The purposes whose keys seal values. */
export const blobPurposes = keyPurposes.filter((purpose) => purpose !== 'checkpoint');

/** 32 bytes that follow from the label. */
export function createExampleKey(label: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`nexus example key ${label}`).digest());
}

/** A random source that never repeats and gives the same bytes in every run. */
export function createCountingRandom(): RandomSource {
  let calls = 0;
  return (size) => {
    calls += 1;
    const blocks = Math.ceil(size / 32);
    const hash = (block: number) => createHash('sha256').update(`${calls}/${block}`).digest();
    return new Uint8Array(Buffer.concat(Array.from({ length: blocks }, (_, block) => hash(block))).subarray(0, size));
  };
}

export interface ExampleRow extends Partial<Omit<KeyRingRow, 'wrapped' | 'kcv'>> {
  readonly dek?: Uint8Array;
}

export async function createRow(provider: KeyProvider, row: ExampleRow = {}): Promise<KeyRingRow> {
  const { dek: givenDek, ...columns } = row;
  const [id, purpose] = [row.id ?? 1, row.purpose ?? 'cred'];
  const dek = givenDek ?? createExampleKey(`dek ${id}`);
  const wrappedBy = row.wrappedBy ?? provider.primary();
  const wrapped = await provider.wrap(wrappedBy, dek, toWrapContext({ id, purpose }));
  const times = { createdAt: exampleNow, activatedAt: exampleNow, retiredAt: null };
  const base = { id, purpose, state: 'active', alg: 1, wrappedBy, wrapped, kcv: computeDekCheckValue(dek) } as const;
  return { ...base, ...times, ...columns };
}

/** One active row per purpose, ids 1 to 5, followed by the given rows. */
export async function createRows(provider: KeyProvider, more: readonly ExampleRow[] = []): Promise<KeyRingRow[]> {
  const first = keyPurposes.map((purpose: KeyPurpose, index) => ({ id: index + 1, purpose }));
  return Promise.all([...first, ...more].map((row) => createRow(provider, row)));
}

type OpenRowsInput = Omit<Parameters<typeof openVault>[0], 'loadRows'> & { readonly rows: readonly KeyRingRow[] };

/** Opens a ring that does not change. */
export function openRows({ rows, ...input }: OpenRowsInput): Promise<Vault> {
  return openVault({ ...input, loadRows: async () => rows });
}

interface ExampleVaultOptions {
  readonly random?: RandomSource;
  readonly onSeal?: (keyId: number) => void;
  /** Whether the given rows stand alone in place of following the example rows. */
  readonly replacesExamples?: boolean;
}

export async function createExampleVault(
  more: readonly ExampleRow[] = [],
  options: ExampleVaultOptions = {},
): Promise<Vault> {
  const { replacesExamples = false, ...deps } = options;
  const provider = createMemoryKeyProvider();
  const own = () => Promise.all(more.map((row) => createRow(provider, row)));
  return openRows({ provider, rows: await (replacesExamples ? own() : createRows(provider, more)), ...deps });
}

/** The code of the VaultError an action throws; `done` when it throws nothing. Other errors pass through. */
export function readCode(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof VaultError) return error.code;
    throw error;
  }
  return 'done';
}

/** The VaultError an asynchronous action rejects with. */
export async function readFailure(action: Promise<unknown>): Promise<VaultError> {
  try {
    await action;
  } catch (error) {
    if (error instanceof VaultError) return error;
    throw error;
  }
  throw new Error('the action succeeded');
}

export function flipBit(bytes: Uint8Array, position: number, bit = 0): Uint8Array {
  const altered = new Uint8Array(bytes);
  altered[position] = (altered[position] ?? 0) ^ (1 << bit);
  return altered;
}
