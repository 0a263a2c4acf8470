import { NexusError } from '@nexus/core/errors';
import { createKekProbe } from '@nexus/vault/kek-probe';
import type { KeyProvider } from '@nexus/vault/key-provider';
import type { Kek } from '../domain/key-rotation.js';
import { askKeyProvider } from './ask-key-provider.js';

/**
 * The probe of a key-encryption key that the key provider holds by now.
 *
 * @throws NexusError `kek_unusable`, `key_provider_unavailable`.
 */
export async function createKek(keyProvider: KeyProvider, id: string): Promise<Pick<Kek, 'id' | 'probe' | 'probeKcv'>> {
  await askKeyProvider(() => keyProvider.reload());
  const held = await askKeyProvider(() => keyProvider.keys());
  if (!held.some((kek) => kek.id === id)) {
    throw new NexusError('kek_unusable', `The key provider "${keyProvider.id}" of this Broker does not hold this key.`);
  }
  return { id, ...(await askKeyProvider(() => createKekProbe(keyProvider, id))) };
}
