import { NexusError } from '@nexus/core/errors';
import type { Provider } from '../../domain/provider.js';
import type { Database } from '../../stores/database.js';

/** @throws NexusError `provider_not_found`, also for a deleted one. */
export async function getProvider(
  deps: { readonly database: Database },
  input: { readonly providerId: string },
): Promise<Provider> {
  const provider = await deps.database.stores.providers.findById(input.providerId);
  if (provider === null) throw new NexusError('provider_not_found', 'No provider has this id.');
  return provider;
}
