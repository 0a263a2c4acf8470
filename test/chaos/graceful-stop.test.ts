import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../support/seeded-random.js';
import type { Engine } from '../support/stack.js';
import { examine, examineEnd } from './examine.js';
import { startChaosWorld, workerCount } from './kill-broker.js';
import { momentNames } from './kill-moments.js';
import { work } from './workers.js';

/** A long run sets it. */
const { NEXUS_CHAOS_STOPS: longRun } = process.env;
const runs: readonly (readonly [Engine, number])[] = [
  ['sqlite', Number(longRun ?? 5)],
  ['postgres', Number(longRun ?? 3)],
];

/** A busy machine takes a moment to deliver a signal. */
const deliveryMs = 500;
const drainLimitMs = 10_000;

/** Asks for readiness over a connection that was open before, as probes with keep-alive do; null when it is cut. */
function askReady(agent: Agent, brokerUrl: string): Promise<number | null> {
  return new Promise((resolve) => {
    get(`${brokerUrl}/readyz`, { agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? null));
    }).on('error', () => resolve(null));
  });
}

/** Polls until `ended`; returns how long after the start of polling the last "ready" was answered. */
async function watchReadiness(brokerUrl: string, ended: Promise<unknown>): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const startedAt = performance.now();
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
  });
  let lastReadyMs = 0;
  while (!isEnded) {
    const askedAt = performance.now();
    if ((await askReady(agent, brokerUrl)) === 200) lastReadyMs = askedAt - startedAt;
    await sleep(5);
  }
  agent.destroy();
  return lastReadyMs;
}

describe.each(runs)('a Broker on %s that is told to stop under load, %i times', (engine, stops) => {
  const seed = Math.floor(Math.random() * 2 ** 31);

  it(
    `O1: is unready at once, drains, exits with 0, and loses and hides nothing (seed ${seed})`,
    async () => {
      const random = createSeededRandom(seed);
      const world = await startChaosWorld(engine, random, true);
      const { stack, client, ledger, moments } = world;
      try {
        const working = Array.from({ length: workerCount }, () => work(world));
        let longestDrainMs = 0;
        let longestReadyMs = 0;
        for (let stop = 1; stop <= stops; stop++) {
          const since = new Date();
          await sleep(random.below(300));
          await moments.waitFor(random.pick(momentNames), 2_000);
          const startedAt = performance.now();
          const ended = stack.stopBroker('SIGTERM');
          const readyMs = await watchReadiness(stack.brokerUrl, ended);
          expect(await ended, `exit code of stop ${stop}`).toBe(0);
          longestDrainMs = Math.max(longestDrainMs, performance.now() - startedAt);
          longestReadyMs = Math.max(longestReadyMs, readyMs);
          await client.shut();
          await stack.startBroker();
          await examine(world, since);
          client.reopen();
        }
        world.isStopping = true;
        const last = new Date();
        await Promise.all(working);
        await examine(world, last, 'all');
        await examineEnd(world);
        const stopped = await stack.broker('GET', '/audit?event_type=service.stopped&limit=100');
        process.stdout.write(
          `[${engine}] seed ${seed}: drained in ${longestDrainMs.toFixed(0)} ms at most, last ready answer after ${longestReadyMs.toFixed(0)} ms, ` +
            `${ledger.counts.get('disclosures found in the audit log')} disclosures, all recorded\n`,
        );
        expect(ledger.violations).toEqual([]);
        expect(longestReadyMs).toBeLessThan(deliveryMs);
        expect(longestDrainMs).toBeLessThan(drainLimitMs);
        expect(stopped.body.events).toHaveLength(stops);
      } finally {
        world.isStopping = true;
        client.reopen();
        await world.close();
      }
    },
    60_000 + stops * 15_000,
  );
});
