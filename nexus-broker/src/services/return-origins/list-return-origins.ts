import type { ReturnOrigin } from '../../domain/return-origin.js';
import type { Database } from '../../stores/database.js';

export function listReturnOrigins(deps: { readonly database: Database }): Promise<readonly ReturnOrigin[]> {
  return deps.database.stores.returnOrigins.list();
}
