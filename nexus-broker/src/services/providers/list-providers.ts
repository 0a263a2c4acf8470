import type { Provider } from '../../domain/provider.js';
import type { Database } from '../../stores/database.js';

export function listProviders(deps: { readonly database: Database }): Promise<readonly Provider[]> {
  return deps.database.stores.providers.list();
}
