/**
 * Seals and opens stored values. Defends against a reader of the database (contents), and against a writer who alters,
 * moves or swaps values: every blob is bound to its table, column, row, workspace, provider, version and issuer. It
 * cannot detect a whole row put back to an earlier state; audit entries hold the digest of each blob for that.
 * The key ring may change while the vault is open: `reload` takes over what was added, promoted or destroyed.
 * Nonce policy and limits are in `aead.ts`, the byte format in `envelope-format.ts`, padding in `padding.ts`.
 */
import { canonicalJson, type JsonValue } from '@nexus/core/canonical-json';
import { decryptBytes, drawRandom, encryptBytes, type RandomSource, systemRandom } from './aead.js';
import { defaultProviderTimeoutMs } from './ask-provider.js';
import { encodeFields, encodeInteger, encodeText } from './associated-data.js';
import { blobAlgorithm, blobFormat, encodeEnvelope, maxPaddedLength, readEnvelope } from './envelope-format.js';
import { type KeyProvider, VaultError } from './key-provider.js';
import { type KeyPurpose, type KeyRingRow, keyPurposes } from './key-ring.js';
import { OpenedRing } from './opened-ring.js';
import { addPadding, removePadding } from './padding.js';
import { ReloadGate } from './reload-gate.js';
import { runSelfTest } from './self-test.js';
import { unwrapKeyRing } from './unwrapped-keys.js';
import { nonceLength } from './xchacha20-poly1305.js';

declare const sealed: unique symbol;

/** Ciphertext as it is stored. Only `Vault.seal` and the stores' codec make one, so plaintext cannot be stored. */
export type SealedBlob = Uint8Array & { readonly [sealed]: true };

/**
 * What a blob is bound to; opening needs the same eight values. Text is well-formed and at most 65,535 bytes of UTF-8,
 * `version` is a non-negative safe integer, and a part that does not apply is the empty string.
 */
export interface BlobContext {
  readonly purpose: Exclude<KeyPurpose, 'checkpoint'>;
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
  /** Ed25519 signature (64 bytes) under the newest active checkpoint key; its public key has 32 bytes. */
  sign(message: Uint8Array): { keyId: number; publicKey: Uint8Array; signature: Uint8Array };
  /** Of every checkpoint key of the ring, in whatever state. */
  publicKeys(): readonly { readonly keyId: number; readonly publicKey: Uint8Array }[];
  knows(keyId: number): boolean;
  /** The key id that seals, signs or authenticates now, by purpose. */
  sealingKeys(): Readonly<Record<KeyPurpose, number>>;
  /**
   * Loads the ring anew and takes it over as a whole. When that fails, the ring stays as it was.
   *
   * @throws VaultError as `openVault`, `integrity` for a ring that lost a key or steps back, or what loading the rows throws.
   */
  reload(): Promise<void>;
  /**
   * Loads the ring for a key it lacks, at most once a second for all callers. Returns whether it has the key now.
   *
   * @throws VaultError `unknown_key` when the ring cannot be taken over, or what loading the rows throws.
   */
  learn(keyId: number): Promise<boolean>;
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
  readonly random: RandomSource;
  readonly onSeal: (keyId: number) => void;
  readonly load: (known: OpenedRing) => Promise<OpenedRing>;
}

/** All state is in private fields, so inspection and JSON show an empty object. */
class RingVault implements Vault {
  readonly #deps: RingVaultDeps;
  readonly #gate: ReloadGate;
  #ring: OpenedRing;

  constructor(deps: RingVaultDeps, ring: OpenedRing) {
    this.#deps = deps;
    this.#ring = ring;
    this.#gate = new ReloadGate(async () => {
      const before = this.#ring;
      this.#ring = await deps.load(before);
      before.wipeExcept(this.#ring);
    });
  }

  seal(plaintext: Uint8Array, context: BlobContext): SealedBlob {
    if (plaintext.length >= maxPaddedLength) {
      throw new VaultError('invalid_input', `A value to seal must be shorter than ${maxPaddedLength} bytes.`);
    }
    const { id: keyId, key } = this.#ring.sealingKey(context.purpose);
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
    const { key } = this.#ring.openingKey(keyId, context.purpose);
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
    return this.#ring.mac(entryHash, keyId);
  }

  fingerprint(value: string): string {
    return this.#ring.fingerprint(value);
  }

  sign(message: Uint8Array): { keyId: number; publicKey: Uint8Array; signature: Uint8Array } {
    return this.#ring.sign(message);
  }

  publicKeys(): readonly { readonly keyId: number; readonly publicKey: Uint8Array }[] {
    return this.#ring.publicKeys();
  }

  knows(keyId: number): boolean {
    return this.#ring.keys.has(keyId);
  }

  sealingKeys(): Readonly<Record<KeyPurpose, number>> {
    const ids = keyPurposes.map((purpose) => [purpose, this.#ring.keys.newest(purpose).id]);
    return Object.fromEntries(ids) as Record<KeyPurpose, number>;
  }

  reload(): Promise<void> {
    return this.#gate.reload();
  }

  async learn(keyId: number): Promise<boolean> {
    try {
      await this.#gate.reloadSoon();
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      // Its code would be read as one about the value: a ring that was altered says nothing of it.
      throw new VaultError(
        'unknown_key',
        `Data key ${keyId} is not in the key ring, which is refused: ${error.message}`,
      );
    }
    return this.knows(keyId);
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

/** The id of the data key a blob names; nothing is authenticated. */
export function readKeyId(blob: SealedBlob): number {
  return readEnvelope(blob).keyId;
}

/** As `Vault.open`; a key the ring lacks is looked for in the stored ring first, since another replica may have added it. */
async function openOrLearn(vault: Vault, blob: SealedBlob, context: BlobContext): Promise<Uint8Array> {
  try {
    return vault.open(blob, context);
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== 'unknown_key') throw error;
    if (!(await vault.learn(readKeyId(blob)))) throw error;
    return vault.open(blob, context);
  }
}

/**
 * Opens what `sealJson` sealed.
 *
 * @throws as `Vault.open` and `Vault.learn`, and VaultError `integrity` when the plaintext is no JSON.
 */
export async function openJson(vault: Vault, blob: SealedBlob, context: BlobContext): Promise<JsonValue> {
  const bytes = await openOrLearn(vault, blob, context);
  const value = tryParseJson(bytes);
  bytes.fill(0);
  if (value === undefined) throw new VaultError('integrity', 'A sealed value does not hold JSON.');
  return value;
}

/**
 * Seals a value again under the newest key of its purpose, with a fresh nonce and the same context; null when it is
 * under that key already.
 *
 * @throws as `Vault.open` and `Vault.seal`.
 */
export function reseal(vault: Vault, blob: SealedBlob, context: BlobContext): SealedBlob | null {
  if (readKeyId(blob) === vault.sealingKeys()[context.purpose]) return null;
  const bytes = vault.open(blob, context);
  try {
    return vault.seal(bytes, context);
  } finally {
    bytes.fill(0);
  }
}

interface OpenVaultInput {
  readonly provider: KeyProvider;
  /** Every row of the stored ring; asked at the start and at every reload. */
  readonly loadRows: () => Promise<readonly KeyRingRow[]>;
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
  const { provider, loadRows, random = systemRandom, providerTimeoutMs: timeoutMs = defaultProviderTimeoutMs } = input;
  runSelfTest({ random, encrypt: encryptBytes, decrypt: decryptBytes });
  const load = async (known?: OpenedRing) =>
    new OpenedRing(await unwrapKeyRing({ provider, timeoutMs }, await loadRows(), known?.keys));
  return new RingVault({ random, onSeal: input.onSeal ?? (() => undefined), load }, await load());
}
