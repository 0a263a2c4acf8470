/**
 * The key provider for development and for moving from an older deployment: one KEK from an environment variable,
 * which other processes of the same user can read. Its id follows from the key, so another key is recognised as such.
 */
import { type RandomSource, systemRandom } from './aead.js';
import { computeKekCheckValue } from './derived-keys.js';
import { decodeBase64 } from './key-encoding.js';
import { type KeyProvider, VaultError } from './key-provider.js';
import { createLocalKeyProvider } from './local-key-provider.js';
import { keyLength } from './xchacha20-poly1305.js';

/** A variable does not say since when its key exists. */
const unknownCreation = '1970-01-01T00:00:00.000Z';

/**
 * `text` is the base64 form of 32 bytes. Its KEK has the id `env-` and the first 8 hex digits of its check value.
 *
 * @throws VaultError `invalid_input` for anything else, without a word of it.
 */
export function openEnvKey(text: string, random: RandomSource = systemRandom): KeyProvider {
  const key = decodeBase64(text.trim());
  if (key === null || key.length !== keyLength) {
    const advice = 'Make one with: openssl rand -base64 32.';
    throw new VaultError('invalid_input', `The key of the environment is not the base64 form of 32 bytes. ${advice}`);
  }
  const id = `env-${Buffer.from(computeKekCheckValue(key)).toString('hex', 0, 4)}`;
  return createLocalKeyProvider({ id: 'env', keks: [{ id, key, createdAt: unknownCreation }], random });
}
