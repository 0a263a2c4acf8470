/**
 * Seals and opens stored values. Defends against a reader of the database (contents), and against a writer who alters,
 * moves or swaps values: every blob is bound to its table, column, row, workspace, provider, version and issuer. It
 * cannot detect a whole row put back to an earlier state; audit entries hold the digest of each blob for that.
 * Nonce policy and limits are in `aead.ts`, the byte format in `envelope-format.ts`, padding in `padding.ts`.
 */
import { canonicalJson, type JsonValue } from '@nexus/core/canonical-json';
import { Secret } from '@nexus/core/secret';
import { decryptBytes, drawRandom, encryptBytes, nonceLength, type RandomSource, systemRandom } from './aead.js';
import { encodeFields, encodeInteger, encodeText } from './associated-data.js';
import { computeHmac, deriveKey } from './derived-keys.js';
import { blobAlgorithm, blobFormat, encodeEnvelope, maxPaddedLength, readEnvelope } from './envelope-format.js';
import { type KeyProvider, VaultError } from './key-provider.js';
import type { KeyPurpose, KeyRingRow } from './key-ring.js';
import { addPadding, removePadding } from './padding.js';
import { runSelfTest } from './self-test.js';
import { type UnwrappedKeys, unwrapKeyRing } from './unwrapped-keys.js';

declare const sealed: unique symbol;

/** Ciphertext as it is stored. Only `Vault.seal` and the stores' codec make one, so plaintext cannot be stored. */
export type SealedBlob = Uint8Array & { readonly [sealed]: true };

/**
 * What a blob is bound to; opening needs the same eight values. Text is well-formed and at most 65,535 bytes of UTF-8,
 * `version` is a non-negative safe integer, and a part that does not apply is the empty string.
 */
export interface BlobContext {
  readonly purpose: KeyPurpose;
  readonly table: string;
  readonly column: string;
  readonly workspaceId: string;
  readonly rowId: string;
  readonly providerId: string;
  readonly version: number;
  /** scheme://host:port of the token endpoint at consent (S-9). */
  readonly issuedOrigin: string;
}

export interface Vault {
  /**
   * Seals at most 1 MiB under the newest active data key of the purpose, with a fresh nonce.
   *
   * @throws VaultError `random_failed`, `invalid_input`.
   */
  seal(plaintext: Uint8Array, context: BlobContext): SealedBlob;
  /**
   * Returns the plaintext in a fresh array the caller may wipe.
   *
   * @throws VaultError `unknown_key` when the blob names a key outside the ring, `integrity` for everything else.
   */
  open(blob: SealedBlob, context: BlobContext): Uint8Array;
  /**
   * HMAC-SHA-256 of an audit entry's hash under the newest audit key, or under the key an older entry names.
   *
   * @throws VaultError `unknown_key`, or `integrity` when the id is that of a key for another purpose.
   */
  mac(entryHash: Uint8Array, keyId?: number): { mac: Uint8Array; keyId: number };
  /** 64 hex characters that identify a secret value in logs and comparisons; they change with the newest audit key. */
  fingerprint(value: string): string;
}

/** AAD in the fixed order of the format. The key id is part of it, so the header cannot be altered either. */
function encodeContext(keyId: number, context: BlobContext): Uint8Array {
  return encodeFields([
    encodeText('nexus.blob.v1'),
    encodeInteger(blobFormat, 1),
    encodeInteger(blobAlgorithm, 1),
    encodeInteger(keyId, 4),
    encodeText(context.purpose),
    encodeText(context.table),
    encodeText(context.column),
    encodeText(context.workspaceId),
    encodeText(context.rowId),
    encodeText(context.providerId),
    encodeInteger(context.version, 8),
    encodeText(context.issuedOrigin),
  ]);
}

interface RingVaultDeps {
  readonly keys: UnwrappedKeys;
  readonly random: RandomSource;
  readonly onSeal: (keyId: number) => void;
}

/** All state is in private fields, so inspection and JSON show an empty object. */
class RingVault implements Vault {
  readonly #deps: RingVaultDeps;
  readonly #macKeys: ReadonlyMap<number, Secret<Uint8Array>>;
  readonly #fingerprintKey: Secret<Uint8Array>;

  constructor(deps: RingVaultDeps) {
    this.#deps = deps;
    this.#macKeys = new Map(
      deps.keys
        .list('audit')
        .map(({ id, key }) => [id, new Secret(deriveKey(key.reveal(), 'nexus/audit-hmac/v1', 32))]),
    );
    this.#fingerprintKey = new Secret(deriveKey(deps.keys.newest('audit').key.reveal(), 'nexus/rt-fp/v1', 32));
  }

  seal(plaintext: Uint8Array, context: BlobContext): SealedBlob {
    if (plaintext.length >= maxPaddedLength) {
      throw new VaultError('invalid_input', `A value to seal must be shorter than ${maxPaddedLength} bytes.`);
    }
    const { id: keyId, key } = this.#deps.keys.newest(context.purpose);
    const associatedData = encodeContext(keyId, context);
    const nonce = drawRandom(this.#deps.random, nonceLength);
    const padded = addPadding(plaintext);
    const body = encryptBytes({ key: key.reveal(), nonce, associatedData }, padded);
    padded.fill(0);
    this.#deps.onSeal(keyId);
    return asSealedBlob(encodeEnvelope({ keyId, nonce, body }));
  }

  open(blob: SealedBlob, context: BlobContext): Uint8Array {
    const { keyId, nonce, body } = readEnvelope(blob);
    const { key } = this.#deps.keys.find(keyId, context.purpose);
    const associatedData = tryEncodeContext(keyId, context);
    if (associatedData === null) {
      throw new VaultError('integrity', 'A sealed value was opened with a context that nothing is sealed with.');
    }
    const padded = decryptBytes({ key: key.reveal(), nonce, associatedData }, body);
    try {
      return removePadding(padded);
    } finally {
      padded.fill(0);
    }
  }

  mac(entryHash: Uint8Array, keyId?: number): { mac: Uint8Array; keyId: number } {
    const { id } = keyId === undefined ? this.#deps.keys.newest('audit') : this.#deps.keys.find(keyId, 'audit');
    const key = this.#macKeys.get(id);
    if (key === undefined) throw new VaultError('unknown_key', `Data key ${id} is not in the key ring.`);
    return { mac: new Uint8Array(computeHmac(key.reveal(), entryHash)), keyId: id };
  }

  fingerprint(value: string): string {
    return computeHmac(this.#fingerprintKey.reveal(), value).toString('hex');
  }
}

/** A context that cannot be encoded cannot have been sealed with, so opening treats it as a mismatch. */
function tryEncodeContext(keyId: number, context: BlobContext): Uint8Array | null {
  try {
    return encodeContext(keyId, context);
  } catch {
    return null;
  }
}

/**
 * Marks stored bytes as ciphertext after checking mark, format, algorithm and length; authenticity is checked by `open`
 * only. For the stores' codec.
 *
 * @throws VaultError `integrity`.
 */
export function asSealedBlob(bytes: Uint8Array): SealedBlob {
  readEnvelope(bytes);
  return bytes as SealedBlob;
}

/** Seals the canonical JSON of a value. @throws as `Vault.seal`, and TypeError for what canonical JSON cannot hold. */
export function sealJson(vault: Vault, value: JsonValue, context: BlobContext): SealedBlob {
  const bytes = new TextEncoder().encode(canonicalJson(value));
  try {
    return vault.seal(bytes, context);
  } finally {
    bytes.fill(0);
  }
}

/** Returns undefined for what is no JSON; the parser's error is dropped because it quotes the plaintext. */
function tryParseJson(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Opens what `sealJson` sealed. @throws as `Vault.open`, and VaultError `integrity` when the plaintext is no JSON. */
export function openJson(vault: Vault, blob: SealedBlob, context: BlobContext): JsonValue {
  const bytes = vault.open(blob, context);
  const value = tryParseJson(bytes);
  bytes.fill(0);
  if (value === undefined) throw new VaultError('integrity', 'A sealed value does not hold JSON.');
  return value;
}

interface OpenVaultInput {
  readonly provider: KeyProvider;
  readonly rows: readonly KeyRingRow[];
  readonly random?: RandomSource;
  /** How long one call of the key provider may take. Default 5000. */
  readonly providerTimeoutMs?: number;
  /** Told the key id of every seal, for the counter of writes per data key. */
  readonly onSeal?: (keyId: number) => void;
}

/**
 * Runs the self-test and unwraps the ring. Fails closed: it opens with every key that is not destroyed or not at all,
 * and creates no key. The message names the key that is missing, wrong or altered.
 *
 * @throws VaultError `random_failed`, `self_test_failed`, `missing_key`, `wrong_key`, `integrity`, `provider_failed`.
 */
export async function openVault(input: OpenVaultInput): Promise<Vault> {
  const random = input.random ?? systemRandom;
  runSelfTest({ random, encrypt: encryptBytes, decrypt: decryptBytes });
  const timeoutMs = input.providerTimeoutMs ?? 5000;
  const keys = await unwrapKeyRing({ provider: input.provider, timeoutMs }, input.rows);
  return new RingVault({ keys, random, onSeal: input.onSeal ?? (() => undefined) });
}
