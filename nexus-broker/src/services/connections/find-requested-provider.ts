import { NexusError } from '@nexus/core/errors';
import type { Provider } from '../../domain/provider.js';
import type { Database } from '../../stores/database.js';

interface ProviderSelector {
  readonly providerName: string | null;
  readonly providerId: string | null;
}

/** @throws NexusError `invalid_request` without a selector, `provider_not_found`, also where name and id disagree. */
export async function findRequestedProvider(database: Database, selector: ProviderSelector): Promise<Provider> {
  const { providerName, providerId } = selector;
  const { providers } = database.stores;
  let provider: Provider | null;
  if (providerId !== null) {
    provider = await providers.findById(providerId);
    if (providerName !== null && provider?.profile.name !== providerName.toLowerCase()) provider = null;
  } else if (providerName !== null) {
    provider = await providers.findByName(providerName);
  } else {
    throw new NexusError('invalid_request', 'Send provider_name or provider_id.', {
      details: [{ path: 'provider_name', message: 'one of provider_name and provider_id is required' }],
    });
  }
  if (provider === null) throw new NexusError('provider_not_found', 'No provider has this name or id.');
  return provider;
}
