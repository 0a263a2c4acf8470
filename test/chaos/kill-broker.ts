/**
 * Kills the Broker again and again while applications and people use it, at random moments and inside the windows where
 * a step is half done, and examines after each start what was kept (O2, A9).
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { registerOpenidProvider } from '../support/fixtures.js';
import { createSeededRandom, type SeededRandom } from '../support/seeded-random.js';
import { type Engine, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';
import { examine, examineEnd } from './examine.js';
import { GatedClient } from './gated-client.js';
import { KillMoments, momentNames } from './kill-moments.js';
import { Ledger } from './ledger.js';
import { type World, work } from './workers.js';

export interface ChaosOptions {
  readonly engine: Engine;
  readonly kills: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
}

export interface ChaosReport {
  readonly violations: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

export interface ChaosWorld extends World {
  readonly moments: KillMoments;
  close(): Promise<void>;
}

export const workerCount = 6;

export async function startChaosWorld(engine: Engine, random: SeededRandom, isGraceful: boolean): Promise<ChaosWorld> {
  const stack = await startStack({
    engine,
    // One source asks for everything here; the caps have tests of their own.
    brokerEnv: { LOG_LEVEL: 'warn', PENDING_CAP_PER_SOURCE: '100000', PENDING_CAP_TOTAL: '100000' },
    gatewayEnv: { LOG_LEVEL: 'warn' },
  });
  const ledger = new Ledger();
  const moments = new KillMoments();
  const long = await registerOpenidProvider(stack, { name: 'acme', accessTokenTtl: 3_600 });
  // Less than the half minute before the end in which every read waits for a refresh.
  const brief = await registerOpenidProvider(stack, { name: 'brief', accessTokenTtl: 29 });
  const probed = await registerProbed(stack, moments);
  for (const { provider } of [long, brief]) provider.setInterceptor((...exchange) => watch(moments, ...exchange));
  return {
    stack,
    ledger,
    moments,
    random,
    client: new GatedClient(stack, ledger),
    providers: [
      { name: long.name, server: long.provider, isShortLived: false },
      { name: brief.name, server: brief.provider, isShortLived: true },
    ],
    staticName: 'probed',
    isGraceful,
    isStopping: false,
    async close() {
      await stack.close();
      await Promise.all([long.provider.close(), brief.provider.close(), probed.close()]);
    },
  };
}

async function registerProbed(stack: Stack, moments: KillMoments): Promise<ScriptedProvider> {
  const server = await startScriptedProvider();
  server.answer('/me', () => {
    moments.reach('probe asked');
    return { body: {} };
  });
  const created = await stack.broker('POST', '/admin/v1/providers', {
    body: { name: 'probed', auth_type: 'api_key', api_base_url: server.origin, user_info_endpoint: '/me' },
  });
  if (created.status !== 201) throw new Error(`the provider was not registered: ${JSON.stringify(created.body)}`);
  return server;
}

/** Tells of requests to the provider and of their answers; lets the provider answer. */
function watch(moments: KillMoments, request: IncomingMessage, response: ServerResponse): boolean {
  const { pathname } = new URL(request.url ?? '/', 'http://provider.invalid');
  if (pathname === '/token') {
    moments.reach('token asked');
    once(response, 'finish').then(
      () => moments.reach('token answered'),
      () => undefined,
    );
  }
  if (pathname === '/token/revocation') {
    moments.reach('revocation asked');
    once(response, 'finish').then(
      () => moments.reach('revocation answered'),
      () => undefined,
    );
  }
  return false;
}

export async function killBroker(options: ChaosOptions): Promise<ChaosReport> {
  const random = createSeededRandom(options.seed);
  const world = await startChaosWorld(options.engine, random, false);
  const { client, ledger, moments, stack } = world;
  try {
    const working = Array.from({ length: workerCount }, () => work(world));
    for (let kill = 1; kill <= options.kills; kill++) {
      const since = new Date();
      await sleep(random.below(300));
      const moment = random.pick(momentNames);
      await moments.waitFor(moment, 2_000);
      await sleepBriefly(random);
      client.holdNew();
      await stack.killBroker();
      ledger.count(`kills at: ${moment}`);
      await client.shut();
      await stack.startBroker();
      await examine(world, since);
      options.onProgress?.(`kill ${kill} of ${options.kills} (${moment}): ${ledger.violations.length} violations`);
      client.reopen();
    }
    const acknowledged = ledger.counts.get('acknowledged confirm') ?? 0;
    // However little a slow machine got done between the kills, it must still connect people after the last one.
    await waitFor('a person is connected', () =>
      (ledger.counts.get('acknowledged confirm') ?? 0) > acknowledged ? true : null,
    );
    world.isStopping = true;
    const ended = new Date();
    await Promise.all(working);
    await examine(world, ended, 'all');
    await examineEnd(world);
  } finally {
    world.isStopping = true;
    client.reopen();
    await world.close();
  }
  return { violations: ledger.violations, counts: ledger.counts };
}

/** From the very moment to a few milliseconds later, where the commits are. */
async function sleepBriefly(random: SeededRandom): Promise<void> {
  const choice = random.next();
  if (choice < 0.3) return;
  if (choice < 0.5) await new Promise((resolve) => setImmediate(resolve));
  else await sleep(random.below(12));
}
