import type { ConnectionList } from '@nexus/broker-api/connections';
import type { ProviderList, ProviderProfile } from '@nexus/broker-api/providers';
import type { Api } from '../broker.js';
import { CommandError, exits } from '../command.js';

export const providersPath = '/admin/v1/providers';

/** By name, or by id. @throws CommandError */
export async function findProvider(broker: Api, named: string): Promise<ProviderProfile> {
  const providers = await broker.get<ProviderList>(providersPath);
  const found = providers.find(({ name, id }) => name === named || id === named);
  if (found !== undefined) return found;
  const advice = ['nexus-cli providers list shows those there are'];
  throw new CommandError(exits.refused, `there is no provider ${named}`, { advice });
}

/** Connections whose credential would be lost with their provider. */
export async function countLiveConnections(broker: Api, { name }: ProviderProfile): Promise<number> {
  let live = 0;
  for (const status of ['active', 'attention']) {
    const query = { provider_name: name, status, limit: 500 };
    for await (const page of broker.pages<ConnectionList>('/admin/v1/connections', query)) {
      live += page.connections.length;
    }
  }
  return live;
}
