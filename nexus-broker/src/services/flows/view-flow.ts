import type { Flow } from '../../domain/authorization-flow.js';
import type { Provider } from '../../domain/provider.js';
import type { Database } from '../../stores/database.js';
import { findUsableFlow } from './find-usable-flow.js';

/** What the person's page shows. Reading it changes nothing: link scanners open links too. */
export function viewFlow(
  deps: { readonly database: Database },
  input: { readonly ticket: string },
): Promise<{ readonly flow: Flow; readonly provider: Provider }> {
  return findUsableFlow(deps.database, input.ticket);
}
