/**
 * The lowest module of the vault: who holds the key-encryption keys (KEKs), and the one failure all vault code reports.
 * A KEK never enters the database; a provider wraps data keys (DEKs) with it and names it by id.
 */
import type { Instant } from '@nexus/core/clock';

/**
 * - `integrity`: a value is altered, cut, or stands in another place than it was sealed for.
 * - `unknown_key`: a blob names a data key that is not in the ring; reloading the ring may help.
 * - `wrong_key`: key material is present under the right id but is not the key that was used.
 * - `missing_key`: a key-encryption key, or an active data key of a purpose, is absent.
 * - `key_file_missing`, `key_file_refused`: the key file is not there; it is there but must not be used as it is.
 * - `provider_failed`: a key provider gave an error or no answer in time; a later start may succeed.
 * - `random_failed`: the random source failed; nothing was sealed or created.
 * - `self_test_failed`: the cipher of this process does not compute the published vector.
 * - `invalid_input`: the caller asked to seal something the format cannot carry.
 */
export type VaultErrorCode =
  | 'integrity'
  | 'unknown_key'
  | 'wrong_key'
  | 'missing_key'
  | 'key_file_missing'
  | 'key_file_refused'
  | 'provider_failed'
  | 'random_failed'
  | 'self_test_failed'
  | 'invalid_input';

/**
 * A failure of the vault. The message names key ids and what to do, and never holds key bytes, plaintext, file contents
 * or file paths. There is deliberately no `cause`: causes from parsers and ciphers can quote their input.
 */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly code: VaultErrorCode;

  constructor(code: VaultErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface KekInfo {
  readonly id: string;
  readonly createdAt: Instant;
}

/** What a wrapped key is bound to besides its KEK; a KMS receives it as encryption context. */
export type WrapContext = Readonly<Record<string, string>>;

/**
 * Holder of KEKs. Implementations authenticate `context` together with the wrapped key, choose keys by explicit id and
 * never by trial, and throw VaultError `missing_key` for an id they do not hold, `wrong_key` when the key under that
 * id is another one than was used, `integrity` when the wrapped bytes or the context differ. An error they throw never
 * holds key bytes.
 */
export interface KeyProvider {
  readonly id: string;
  keys(): Promise<readonly KekInfo[]>;
  /** The id of the KEK that wraps new data keys. */
  primary(): string;
  wrap(kekId: string, dek: Uint8Array, context: WrapContext): Promise<Uint8Array>;
  unwrap(kekId: string, wrapped: Uint8Array, context: WrapContext): Promise<Uint8Array>;
  /**
   * Reads anew which keys there are, so that one added later is known without a restart. A failure changes nothing:
   * the keys known before stay.
   *
   * @throws VaultError.
   */
  reload(): Promise<void>;
}
