import type { Answer, BrokerUnderTest } from './broker-under-test.js';
import type { Agent, Key, World } from './model.js';

/** One run: a Broker, what the model says is in it, and what happened so far. */
export interface Trial {
  readonly broker: BrokerUnderTest;
  readonly world: World;
  /** Makes every name of this run unlike those of the runs before. */
  readonly run: string;
  readonly startedMs: number;
  /** Openings the services refused, as `key code`: each must be in the audit log. */
  readonly refusals: string[];
  /** How often what happened, over all runs. */
  readonly counts: Map<string, number>;
}

/** Statements may take this long while the clocks stand still; nothing ends so soon after a moment anybody looks. */
export const slackMs = 5_000;

/** A promise of the contract that the Broker did not keep. */
class BrokenPromise extends Error {}

export function demand(isKept: boolean, what: string, seen?: unknown): void {
  if (!isKept) throw new BrokenPromise(seen === undefined ? what : `${what}; seen: ${JSON.stringify(seen)}`);
}

export function demandAnswer(answer: Answer, status: number, what: string): Answer['body'] {
  demand(answer.status === status, `${what} is answered ${status}`, answer);
  return answer.body;
}

export function count({ counts }: Trial, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

export function pick<T>(choices: readonly T[], index: number): T | undefined {
  return choices[index % choices.length];
}

/** The key an agent was given last. */
export function ownKey({ keys }: World, agent: Agent): Key | undefined {
  return keys.findLast((key) => key.agent === agent);
}

/** Moves both clocks on, past any moment at which something is just ending. */
export function advance({ broker, world }: Pick<Trial, 'broker' | 'world'>, seconds: number): void {
  const ends = [
    ...world.sessions.map((session) => session.expiresMs),
    ...world.keys.flatMap((key) => key.expiresMs ?? []),
    ...world.userTokens.map((token) => token.expiresSeconds * 1_000),
  ];
  let nowMs = world.nowMs + seconds * 1_000;
  while (ends.some((endMs) => Math.abs(endMs - nowMs) <= slackMs)) nowMs += slackMs;
  broker.advance(nowMs - world.nowMs);
  world.nowMs = nowMs;
}
