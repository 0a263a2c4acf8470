import type { Deps } from './deps.js';

/** The Gateway can serve while its Broker can and until its own shutdown begins. */
export async function isReady(deps: Deps): Promise<boolean> {
  return !deps.stopping.aborted && (await deps.broker.isReady());
}
