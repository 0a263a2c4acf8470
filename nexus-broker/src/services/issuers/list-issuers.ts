import type { UserIssuer } from '../../domain/user-issuer.js';
import type { Database } from '../../stores/database.js';

export function listIssuers(deps: { readonly database: Database }): Promise<readonly UserIssuer[]> {
  return deps.database.stores.userIssuers.list();
}
