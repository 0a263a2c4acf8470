/**
 * The ring of data keys as it is stored. A row names its purpose and the KEK that wraps it; several rows of a purpose
 * exist side by side during rotation. Key material is in a row in wrapped form only.
 */
import type { Instant } from '@nexus/core/clock';
import { drawRandom, type RandomSource, systemRandom } from './aead.js';
import { askProvider, defaultProviderTimeoutMs, type ProviderAccess } from './ask-provider.js';
import { computeDekCheckValue, equalBytes } from './derived-keys.js';
import { type KeyProvider, VaultError, type WrapContext } from './key-provider.js';
import { readPublicKey } from './signing-key.js';
import { keyLength } from './xchacha20-poly1305.js';

/**
 * A data key serves one purpose only: credentials, provider secrets, flow state, audit entries, checkpoints of the
 * audit log. The last one is the seed of an Ed25519 key and seals nothing.
 */
export type KeyPurpose = 'cred' | 'provider' | 'flow' | 'audit' | 'checkpoint';

export const keyPurposes: readonly KeyPurpose[] = ['cred', 'provider', 'flow', 'audit', 'checkpoint'];

/**
 * States by NIST SP 800-57. The newest `active` key of a purpose seals; a key in any state but `destroyed` opens.
 * A row whose state is `destroyed` may have empty `wrapped` bytes; keys of purpose `audit` and `checkpoint` never are.
 */
export interface KeyRingRow {
  /** From 1 to 2^32 - 1, never used twice. */
  readonly id: number;
  readonly purpose: KeyPurpose;
  readonly state: 'pre-active' | 'active' | 'decrypt-only' | 'deactivated' | 'destroyed' | 'compromised';
  readonly alg: 1;
  /** The id of the KEK. */
  readonly wrappedBy: string;
  readonly wrapped: Uint8Array;
  /** 16 bytes by which a wrong key is recognised as such. */
  readonly kcv: Uint8Array;
  readonly createdAt: Instant;
  readonly activatedAt: Instant | null;
  readonly retiredAt: Instant | null;
}

export interface KeyRingStore {
  list(): Promise<readonly KeyRingRow[]>;
  insert(row: KeyRingRow): Promise<void>;
}

/** What a wrapped data key is bound to besides its KEK. */
export function toWrapContext(row: Pick<KeyRingRow, 'id' | 'purpose'>): WrapContext {
  return { dek_id: String(row.id), purpose: row.purpose };
}

interface CreateDataKeyInput {
  readonly provider: KeyProvider;
  /** The KEK to wrap with. */
  readonly kekId: string;
  /** One more than the highest id the ring ever had. */
  readonly id: number;
  readonly purpose: KeyPurpose;
  readonly now: Instant;
  readonly state: 'pre-active' | 'active';
  readonly random?: RandomSource;
}

export interface CreatedDataKey extends KeyRingRow {
  /** 32 bytes by which the signatures of a key of purpose `checkpoint` are verified; null for other purposes. */
  readonly publicKey: Uint8Array | null;
}

/**
 * Makes a data key and returns its row, which was unwrapped again and found to hold the same key. It is stored by the
 * caller.
 *
 * @throws VaultError `random_failed`, `wrong_key`, or of the provider.
 */
export async function createDataKey(input: CreateDataKeyInput): Promise<CreatedDataKey> {
  const { provider, kekId: wrappedBy, id, purpose, now, state } = input;
  const access = { provider, timeoutMs: defaultProviderTimeoutMs };
  const dek = drawRandom(input.random ?? systemRandom, keyLength);
  try {
    const wrapped = await wrapDataKey(access, { id, purpose, wrappedBy }, dek);
    const kcv = computeDekCheckValue(dek);
    const publicKey = purpose === 'checkpoint' ? readPublicKey(dek) : null;
    const times = { createdAt: now, activatedAt: state === 'active' ? now : null, retiredAt: null };
    const key: CreatedDataKey = { id, purpose, state, alg: 1, wrappedBy, wrapped, kcv, ...times, publicKey };
    (await unwrapDataKey(access, key)).fill(0);
    return key;
  } finally {
    dek.fill(0);
  }
}

interface CreateKeyRingInput {
  readonly provider: KeyProvider;
  readonly now: Instant;
  readonly random?: RandomSource;
}

/**
 * Returns the rows of a first start: one active data key per purpose, wrapped by the provider's primary KEK. Nothing is
 * stored. The caller has made sure that no data exists and inserts all rows in one transaction.
 *
 * @throws as `createDataKey`.
 */
export async function createKeyRing(input: CreateKeyRingInput): Promise<CreatedDataKey[]> {
  const kekId = input.provider.primary();
  return Promise.all(
    keyPurposes.map((purpose, index) => createDataKey({ ...input, kekId, id: index + 1, purpose, state: 'active' })),
  );
}

type WrappedName = Pick<KeyRingRow, 'id' | 'purpose' | 'wrappedBy'>;

function nameWrapped(row: WrappedName): string {
  return `Data key ${row.id} ("${row.purpose}"), wrapped by ${JSON.stringify(row.wrappedBy)}`;
}

function wrapDataKey(access: ProviderAccess, row: WrappedName, dek: Uint8Array): Promise<Uint8Array> {
  const { provider } = access;
  return askProvider(access, nameWrapped(row), () => provider.wrap(row.wrappedBy, dek, toWrapContext(row)));
}

/** @throws VaultError of the provider, or `wrong_key` for another key than the check value was made from. */
export async function unwrapDataKey(access: ProviderAccess, row: KeyRingRow): Promise<Uint8Array> {
  const unwrap = () => access.provider.unwrap(row.wrappedBy, row.wrapped, toWrapContext(row));
  const dek = await askProvider(access, nameWrapped(row), unwrap);
  if (dek.length !== keyLength || !equalBytes(computeDekCheckValue(dek), row.kcv)) {
    const reason = 'it unwraps to another key than its check value was made from.';
    throw new VaultError('wrong_key', `${nameWrapped(row)}: ${reason}`);
  }
  return dek;
}

interface RewrapInput {
  readonly provider: KeyProvider;
  readonly row: KeyRingRow;
  readonly toKekId: string;
  /** How long one question to the provider may take. */
  readonly timeoutMs?: number;
}

/**
 * Wraps a data key under another KEK and returns the new wrapped bytes, which were unwrapped again and found to hold
 * the same key. Nothing is stored.
 *
 * @throws VaultError of the provider, or `wrong_key`.
 */
export async function rewrapDataKey({ provider, row, toKekId, timeoutMs }: RewrapInput): Promise<Uint8Array> {
  const access = { provider, timeoutMs: timeoutMs ?? defaultProviderTimeoutMs };
  const dek = await unwrapDataKey(access, row);
  const rewrapped = { ...row, wrappedBy: toKekId };
  try {
    const wrapped = await wrapDataKey(access, rewrapped, dek);
    (await unwrapDataKey(access, { ...rewrapped, wrapped })).fill(0);
    return wrapped;
  } finally {
    dek.fill(0);
  }
}
