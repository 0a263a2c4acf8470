import { NexusError } from '@nexus/core/errors';

/**
 * The Broker's path of a provider. An id with other characters names nothing, and could otherwise walk to another
 * administrative route (`..`, `%2f`).
 *
 * @throws NexusError provider_not_found
 */
export function locateProvider(providerId: string): string {
  if (!/^[0-9A-Za-z_-]{1,64}$/.test(providerId)) {
    throw new NexusError('provider_not_found', 'No provider has this id.');
  }
  return `/admin/v1/providers/${providerId}`;
}
