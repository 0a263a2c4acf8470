import { NexusError } from '@nexus/core/errors';
import { holdsKek } from '@nexus/vault/kek-probe';
import type { KeyProvider } from '@nexus/vault/key-provider';
import type { Kek } from '../domain/key-rotation.js';
import { askKeyProvider } from './ask-key-provider.js';

/**
 * Before anything wrapped is stored: a provider that has other bytes under the id by now wraps and unwraps with them as
 * well, and after the next start nobody could open what is stored.
 *
 * @throws NexusError `kek_unusable`, `key_provider_unavailable`.
 */
export async function requireHeldKek(keyProvider: KeyProvider, kek: Kek): Promise<void> {
  const { id: kekId, probe, probeKcv } = kek;
  if (await askKeyProvider(() => holdsKek(keyProvider, { kekId, probe, probeKcv }))) return;
  const lack = `does not hold key ${JSON.stringify(kekId)}, or holds another key under that id`;
  throw new NexusError(
    'kek_unusable',
    `The key provider "${keyProvider.id}" of this Broker ${lack}; nothing was wrapped. Restore the key from its backup.`,
  );
}
