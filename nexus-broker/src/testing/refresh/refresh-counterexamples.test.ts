/** Runs that broke an invariant once, as the property shrank them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemContext } from '../../domain/request-context.js';
import { type OpenedGround, openGround } from './open-ground.js';
import type { Happening, SetupPlan } from './refresh-plan.js';
import { runRefreshTrial } from './run-refresh-trial.js';
import { World } from './world.js';

const strict: SetupPlan = {
  rotation: 'strict',
  isKnown: false,
  graceSeconds: 0,
  graceAnswer: 'same',
  accessTokenSeconds: 3_600,
  replicas: 3,
};

interface Counterexample {
  readonly name: string;
  readonly setup?: Partial<SetupPlan>;
  readonly happenings: readonly Happening[];
  readonly choices: readonly number[];
}

const counterexamples: readonly Counterexample[] = [
  {
    name: 'I3: a narrowing whose answer is lost ends as a lost rotation, not as a revoked grant',
    happenings: [
      { do: 'calls', modes: ['lost', 'fine'], turns: 0 },
      { do: 'narrow', replica: 0, turns: 2 },
      { do: 'wait', seconds: 1, turns: 3 },
    ],
    choices: [0],
  },
  {
    name: 'I17: two Brokers that force a refresh at a failing provider make one call',
    happenings: [
      { do: 'calls', modes: ['unavailable'], turns: 0 },
      { do: 'force', replica: 0, turns: 0 },
      { do: 'tick', replica: 0, turns: 0 },
      { do: 'force', replica: 1, turns: 3 },
    ],
    choices: [2],
  },
  {
    name: 'I7: a claim that committed without telling so leaves a connection that ends by a refusal',
    happenings: [
      { do: 'revoke', turns: 0 },
      { do: 'force', replica: 0, turns: 0 },
      { do: 'hide a commit', turns: 3 },
      { do: 'read', replica: 0, minValidity: 0, turns: 0 },
    ],
    choices: [0],
  },
  {
    name: 'I12: who is not told of its own commit, and finds yet another version after it, knows it by its entry',
    setup: { rotation: 'strict', isKnown: false, graceSeconds: 0, replicas: 3 },
    happenings: [
      { do: 'read', replica: 0, minValidity: 3_700, turns: 3 },
      { do: 'hide a commit', turns: 4 },
      { do: 'narrow', replica: 1, turns: 1 },
      { do: 'force', replica: 0, turns: 8 },
      { do: 'crash', replica: 1, turns: 0 },
      { do: 'calls', modes: ['fine'], turns: 0 },
    ],
    choices: [5],
  },
  {
    name: 'I3: after an outage longer than a lease, whoever holds the new token stores it before others ask',
    setup: { rotation: 'strict', isKnown: false, graceSeconds: 0, graceAnswer: 'same', replicas: 3 },
    happenings: [
      { do: 'read', replica: 0, minValidity: 3_700, turns: 3 },
      { do: 'database', isDown: true, turns: 0 },
      { do: 'wait', seconds: 240, turns: 0 },
      { do: 'force', replica: 1, turns: 0 },
    ],
    choices: [0],
  },
];

describe('runs that once broke an invariant', () => {
  let folder: string;
  let ground: OpenedGround;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nexus-refresh-'));
    ground = await openGround(folder);
  });
  afterAll(async () => {
    await ground.close();
    await rm(folder, { recursive: true });
  });

  it('R1: a reader who joined a refresh of the schedule that takes too long is answered, and asks no more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const world = await World.open(ground, strict, () => 0);
      const [by] = world.replicas;
      if (by === undefined) throw new Error('there is no Broker');
      const connection = await world.read();
      const context = systemContext('test');
      // Nobody is given a turn, so the refresh under way comes to no end.
      void by.engine.refresh(connection, world.provider, context, 'background');
      const reading = by.engine.refresh(connection, world.provider, context, 'now');
      await vi.advanceTimersByTimeAsync(12_000);
      expect(await reading).toMatchObject({ kind: 'failed' });
    } finally {
      vi.useRealTimers();
    }
  });

  it.each(counterexamples)('$name', async ({ setup, happenings, choices }) => {
    await runRefreshTrial(ground, { setup: { ...strict, ...setup }, happenings, choices }, new Map());
  });
});
