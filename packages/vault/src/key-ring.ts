/**
 * The ring of data keys as it is stored. A row names its purpose and the KEK that wraps it; several rows of a purpose
 * exist side by side during rotation. Key material is in a row in wrapped form only.
 */
import type { Instant } from '@nexus/core/clock';
import { drawRandom, keyLength, type RandomSource, systemRandom } from './aead.js';
import { computeDekCheckValue } from './derived-keys.js';
import type { KeyProvider, WrapContext } from './key-provider.js';

/** A data key serves one purpose only: credentials, provider secrets, flow state, audit. */
export type KeyPurpose = 'cred' | 'provider' | 'flow' | 'audit';

export const keyPurposes: readonly KeyPurpose[] = ['cred', 'provider', 'flow', 'audit'];

/**
 * States by NIST SP 800-57. The newest `active` key of a purpose seals; a key in any state but `destroyed` opens.
 * A row whose state is `destroyed` may have empty `wrapped` bytes.
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

interface CreateKeyRingInput {
  readonly provider: KeyProvider;
  readonly now: Instant;
  readonly random?: RandomSource;
}

/**
 * Returns the rows of a first start: one active data key per purpose, wrapped by the provider's primary KEK. Nothing is
 * stored. The caller has made sure that no data exists and inserts all rows in one transaction.
 *
 * @throws VaultError `random_failed`, or whatever the provider throws.
 */
export async function createKeyRing(input: CreateKeyRingInput): Promise<KeyRingRow[]> {
  const { provider, now } = input;
  const wrappedBy = provider.primary();
  return Promise.all(
    keyPurposes.map(async (purpose, index): Promise<KeyRingRow> => {
      const id = index + 1;
      const dek = drawRandom(input.random ?? systemRandom, keyLength);
      try {
        const wrapped = await provider.wrap(wrappedBy, dek, toWrapContext({ id, purpose }));
        const kcv = computeDekCheckValue(dek);
        const times = { createdAt: now, activatedAt: now, retiredAt: null };
        return { id, purpose, state: 'active', alg: 1, wrappedBy, wrapped, kcv, ...times };
      } finally {
        dek.fill(0);
      }
    }),
  );
}
