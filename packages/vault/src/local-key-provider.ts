/**
 * A key provider whose KEKs are in this process: the part the file provider and the in-memory provider share.
 * Wrapped form, 92 bytes: `"NK" | 01 | alg 01 | kek check value 16 | nonce 24 | ciphertext 32 || tag 16`, sealed with
 * XChaCha20-Poly1305. Associated data: `"nexus.wrap.v1" | fmt | alg | kek id | (name | value) of the context by name`.
 */
import { Secret } from '@nexus/core/secret';
import { drawRandom, encryptBytes, type RandomSource, tryDecryptBytes } from './aead.js';
import { encodeFields, encodeInteger, encodeText } from './associated-data.js';
import { computeKekCheckValue, equalBytes } from './derived-keys.js';
import { type KekInfo, type KeyProvider, VaultError, type WrapContext } from './key-provider.js';
import { keyLength, nonceLength, tagLength } from './xchacha20-poly1305.js';

const mark = [0x4e, 0x4b, 1, 1] as const;
const checkValueLength = 16;
const nonceOffset = mark.length + checkValueLength;
const bodyOffset = nonceOffset + nonceLength;
const wrappedLength = bodyOffset + keyLength + tagLength;

export interface LocalKek extends KekInfo {
  /** 32 bytes. */
  readonly key: Uint8Array;
}

interface LocalKeyProviderDeps {
  readonly id: string;
  /** At least one, with distinct ids; the first one is the primary. */
  readonly keks: readonly LocalKek[];
  readonly random: RandomSource;
  /** Where keys can be added while the process runs: reads all of them anew. */
  readonly readKeks?: () => Promise<readonly LocalKek[]>;
}

function encodeWrapContext(kekId: string, context: WrapContext): Uint8Array {
  const names = Object.keys(context).sort();
  const entries = names.flatMap((name) => [encodeText(name), encodeText(context[name] ?? '')]);
  const [, , format, algorithm] = mark;
  const versions = [encodeInteger(format, 1), encodeInteger(algorithm, 1)];
  return encodeFields([encodeText('nexus.wrap.v1'), ...versions, encodeText(kekId), ...entries]);
}

interface HeldKeks {
  readonly byId: ReadonlyMap<string, Secret<Uint8Array>>;
  readonly infos: readonly KekInfo[];
  readonly primary: string;
}

/** @throws VaultError `missing_key` without any key, `invalid_input` for a repeated id or a key not of 32 bytes. */
function holdKeks(providerId: string, keks: readonly LocalKek[]): HeldKeks {
  const [primary] = keks;
  if (primary === undefined) throw new VaultError('missing_key', `The key provider "${providerId}" holds no key.`);
  if (new Set(keks.map((kek) => kek.id)).size !== keks.length) {
    throw new VaultError('invalid_input', `The key provider "${providerId}" has two keys of one id.`);
  }
  if (keks.some((kek) => kek.key.length !== keyLength)) {
    const reason = `has a key that is not ${keyLength} bytes long`;
    throw new VaultError('invalid_input', `The key provider "${providerId}" ${reason}.`);
  }
  return {
    byId: new Map(keks.map((kek) => [kek.id, new Secret(new Uint8Array(kek.key))])),
    infos: keks.map(({ id, createdAt }) => ({ id, createdAt })),
    primary: primary.id,
  };
}

/** Keeps its keys in a private field, so inspection and JSON show ids at most. */
class LocalKeyProvider implements KeyProvider {
  readonly id: string;
  readonly #deps: Omit<LocalKeyProviderDeps, 'keks'>;
  #held: HeldKeks;

  constructor({ keks, ...deps }: LocalKeyProviderDeps) {
    this.id = deps.id;
    this.#deps = deps;
    this.#held = holdKeks(deps.id, keks);
  }

  async keys(): Promise<readonly KekInfo[]> {
    return this.#held.infos;
  }

  primary(): string {
    return this.#held.primary;
  }

  async reload(): Promise<void> {
    const keks = await this.#deps.readKeks?.();
    if (keks !== undefined) this.#held = holdKeks(this.id, keks);
  }

  async wrap(kekId: string, dek: Uint8Array, context: WrapContext): Promise<Uint8Array> {
    const kek = this.#find(kekId);
    if (dek.length !== keyLength) throw new VaultError('invalid_input', `A data key has ${keyLength} bytes.`);
    const nonce = drawRandom(this.#deps.random, nonceLength);
    const associatedData = encodeWrapContext(kekId, context);
    const wrapped = new Uint8Array(wrappedLength);
    wrapped.set(mark);
    wrapped.set(computeKekCheckValue(kek), mark.length);
    wrapped.set(nonce, nonceOffset);
    wrapped.set(encryptBytes({ key: kek, nonce, associatedData }, dek), bodyOffset);
    return wrapped;
  }

  async unwrap(kekId: string, wrapped: Uint8Array, context: WrapContext): Promise<Uint8Array> {
    const kek = this.#find(kekId);
    if (wrapped.length !== wrappedLength || !mark.every((byte, index) => wrapped[index] === byte)) {
      throw new VaultError('integrity', 'the wrapped key is altered: it does not have the form of one');
    }
    const nonce = wrapped.subarray(nonceOffset, bodyOffset);
    const associatedData = encodeWrapContext(kekId, context);
    const isExpectedKek = equalBytes(wrapped.subarray(mark.length, nonceOffset), computeKekCheckValue(kek));
    const dek = tryDecryptBytes({ key: kek, nonce, associatedData }, wrapped.subarray(bodyOffset));
    if (dek === null && !isExpectedKek) {
      throw new VaultError('wrong_key', `the key held under the id "${kekId}" is not the one that wrapped it`);
    }
    if (dek === null) throw new VaultError('integrity', 'the wrapped key is altered or belongs to another row');
    // The check value is outside the cipher; where the key opens the rest, only the check value itself was altered.
    if (!isExpectedKek) throw new VaultError('integrity', 'the wrapped key is altered: its check value does not fit');
    return dek;
  }

  #find(kekId: string): Uint8Array {
    const kek = this.#held.byId.get(kekId);
    if (kek === undefined) {
      throw new VaultError('missing_key', `the key provider "${this.id}" holds no key "${kekId}"`);
    }
    return kek.reveal();
  }
}

/** @throws VaultError `missing_key` without any key, `invalid_input` for a repeated id or a key not of 32 bytes. */
export function createLocalKeyProvider(deps: LocalKeyProviderDeps): KeyProvider {
  return new LocalKeyProvider(deps);
}
