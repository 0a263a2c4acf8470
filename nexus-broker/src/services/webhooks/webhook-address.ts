import { NexusError } from '@nexus/core/errors';
import type { ProviderClient } from '../../oauth/provider-client.js';

interface AddressDeps {
  readonly providerClient: Pick<ProviderClient, 'checkUrl'>;
}

/** Refuses at registration what no delivery could reach. @throws NexusError `webhook_unsafe`. */
export async function checkAddress({ providerClient }: AddressDeps, url: string): Promise<void> {
  await providerClient.checkUrl(url).catch((cause: unknown) => {
    if (!(cause instanceof NexusError) || cause.code !== 'provider_unsafe') throw cause;
    const message = 'may not be called: it must be public https, or be named in EGRESS_ALLOW';
    throw new NexusError('webhook_unsafe', `url ${message}.`, { cause, details: [{ path: 'url', message }] });
  });
}
