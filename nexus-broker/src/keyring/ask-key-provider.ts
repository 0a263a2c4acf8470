import { NexusError } from '@nexus/core/errors';
import { VaultError } from '@nexus/vault/key-provider';

/**
 * Puts a failure of the key provider into words for an administrator. Messages of the vault name keys and hold none.
 *
 * @throws NexusError `key_provider_unavailable` where a retry may help, `kek_unusable` where the provider must change.
 */
export async function askKeyProvider<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    if (error.code === 'provider_failed' || error.code === 'random_failed') {
      throw new NexusError('key_provider_unavailable', error.message, { cause: error });
    }
    throw new NexusError('kek_unusable', error.message, { cause: error });
  }
}
