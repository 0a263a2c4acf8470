/** Has a secret made and brings it where it belongs, so that whatever ends the process in between can be made good. */
import { Refusal } from '../broker.js';
import { CommandError, exits } from '../command.js';
import type { Mark } from '../plan/changes.js';
import type { Desired } from '../plan/resources.js';
import { deliverSecret } from './deliver-secret.js';
import type { Undelivered } from './undelivered.js';

export interface Made {
  readonly id: string;
  readonly secret: string;
}

interface NewSecret {
  /** Ids of what has its name already. */
  listBefore(): Promise<readonly string[]>;
  make(): Promise<Made>;
  /** Only where it can be: what nobody has is no more then. */
  takeBack?(id: string): Promise<void>;
}

/** @throws CommandError */
export async function deliverNew(undelivered: Undelivered, desired: Desired, secret: NewSecret): Promise<void> {
  const { address } = desired;
  const earlier = await undelivered.read(address);
  const before = withoutOrphans(earlier, await secret.listBefore());
  await undelivered.write(address, { before, made: null });
  let made: Made;
  try {
    made = await secret.make();
  } catch (error) {
    // Who refuses has made nothing; of any other end nobody knows.
    if (error instanceof Refusal && error.status < 500) await putBack(undelivered, address, earlier);
    throw error;
  }
  try {
    await undelivered.write(address, { before, made: { id: made.id, lastFour: made.secret.slice(-4) } });
    await deliverSecret(desired, made.secret);
  } catch (error) {
    // Where this does not succeed, the mark stays and the next apply makes up for it.
    const isGone = await secret.takeBack?.(made.id).then(
      () => true,
      () => false,
    );
    if (isGone) await putBack(undelivered, address, earlier);
    throw describeLost(error);
  }
  await undelivered.remove(address);
}

/** Says nothing about the Broker, whose next items may go on. */
function describeLost(error: unknown): unknown {
  if (!(error instanceof CommandError)) return error;
  const { message, advice, cause } = error;
  return new CommandError(exits.refused, message, { cause, advice });
}

/** What an earlier apply left behind still has to be known for it if this one ends early too. */
function withoutOrphans(earlier: Mark | null, ids: readonly string[]): readonly string[] {
  if (earlier === null) return ids;
  const { before, made } = earlier;
  return made === null ? ids.filter((id) => before.includes(id)) : ids.filter((id) => id !== made.id);
}

async function putBack(undelivered: Undelivered, address: string, earlier: Mark | null): Promise<void> {
  if (earlier === null) await undelivered.remove(address);
  else await undelivered.write(address, earlier);
}
