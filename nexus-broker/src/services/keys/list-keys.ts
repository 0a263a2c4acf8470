import type { ApiKey } from '../../domain/api-key.js';
import type { Database } from '../../stores/database.js';

export function listKeys(deps: { readonly database: Database }): Promise<readonly ApiKey[]> {
  return deps.database.stores.keys.list();
}
