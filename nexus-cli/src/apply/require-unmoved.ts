import type { Api } from '../broker.js';
import { CommandError, exits } from '../command.js';
import type { Step } from '../plan/changes.js';
import { isSame } from '../plan/diff-fields.js';
import { readAgain } from '../plan/read-live.js';

/** @throws CommandError where what the step changes or takes away is not as the plan showed it any more */
export async function requireUnmoved(broker: Api, { section, action, live }: Step): Promise<void> {
  // The Broker itself compares the version.
  if (live.length === 0 || (section === 'providers' && action === 'update')) return;
  const now = await readAgain(broker, live);
  const isMoved = live.some(({ id, state }) => !isSame(state, now.find((one) => one.id === id)?.state));
  if (!isMoved) return;
  const advice = ['apply again and look at what it shows now'];
  throw new CommandError(exits.refused, 'somebody changed it at the Broker meanwhile', { advice });
}
