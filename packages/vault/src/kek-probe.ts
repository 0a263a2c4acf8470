/**
 * By a probe a process can show that it holds a KEK before anything real is wrapped with it: a random key nobody keeps,
 * wrapped by the KEK, and the check value of that key.
 */
import { drawRandom, type RandomSource, systemRandom } from './aead.js';
import { askProvider, defaultProviderTimeoutMs } from './ask-provider.js';
import { computeDekCheckValue, equalBytes } from './derived-keys.js';
import { type KeyProvider, VaultError, type VaultErrorCode, type WrapContext } from './key-provider.js';
import { keyLength } from './xchacha20-poly1305.js';

interface KekProbe {
  readonly probe: Uint8Array;
  /** 16 bytes. */
  readonly probeKcv: Uint8Array;
}

/** No data key has it, so a probe cannot take the place of one. */
const context: WrapContext = { purpose: 'kek-probe' };
const answersNo: readonly VaultErrorCode[] = ['missing_key', 'wrong_key', 'integrity'];

/** @throws VaultError `missing_key` when the provider lacks the KEK, `random_failed`, `provider_failed`. */
export async function createKekProbe(
  provider: KeyProvider,
  kekId: string,
  random: RandomSource = systemRandom,
): Promise<KekProbe> {
  const key = drawRandom(random, keyLength);
  const access = { provider, timeoutMs: defaultProviderTimeoutMs };
  try {
    const probe = await askProvider(access, `Key ${JSON.stringify(kekId)}`, () => provider.wrap(kekId, key, context));
    return { probe, probeKcv: computeDekCheckValue(key) };
  } finally {
    key.fill(0);
  }
}

/**
 * Whether the provider holds the KEK the probe was made with, and not merely one of that id.
 *
 * @throws VaultError `provider_failed` when it cannot be told.
 */
export async function holdsKek(
  provider: KeyProvider,
  { kekId, probe, probeKcv }: KekProbe & { readonly kekId: string },
): Promise<boolean> {
  const access = { provider, timeoutMs: defaultProviderTimeoutMs };
  try {
    const key = await askProvider(access, `Key ${JSON.stringify(kekId)}`, () => provider.unwrap(kekId, probe, context));
    const isHeld = equalBytes(computeDekCheckValue(key), probeKcv);
    key.fill(0);
    return isHeld;
  } catch (error) {
    if (error instanceof VaultError && answersNo.includes(error.code)) return false;
    throw error;
  }
}
