/** A key provider for tests and throw-away data: its keys end with the process. */
import type { Instant } from '@nexus/core/clock';
import { drawRandom, type RandomSource, systemRandom } from './aead.js';
import type { KeyProvider } from './key-provider.js';
import { createLocalKeyProvider } from './local-key-provider.js';
import { keyLength } from './xchacha20-poly1305.js';

interface MemoryKeyProviderOptions {
  /** KEKs of 32 bytes by id, the first one primary. Default: one fresh random key named `memory-1`. */
  readonly keys?: Readonly<Record<string, Uint8Array>>;
  readonly createdAt?: Instant;
  readonly random?: RandomSource;
}

/** Two calls without `keys` hold different keys under the same id. @throws VaultError as `createLocalKeyProvider`. */
export function createMemoryKeyProvider(options: MemoryKeyProviderOptions = {}): KeyProvider {
  const random = options.random ?? systemRandom;
  const keys = options.keys ?? { 'memory-1': drawRandom(random, keyLength) };
  const createdAt = options.createdAt ?? '2000-01-01T00:00:00.000Z';
  const keks = Object.entries(keys).map(([id, key]) => ({ id, key, createdAt }));
  return createLocalKeyProvider({ id: 'memory', keks, random });
}
