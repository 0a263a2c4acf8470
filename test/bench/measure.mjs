/** The measurements of `main.mjs`: which load each is, and the floor and target it is held against. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { startPostgres } from './postgres.mjs';
import { findPort, readMemory, runLoad, start } from './processes.mjs';
import { connect, registerProvider, startStack, steps } from './stack.mjs';

/** @typedef {{ runs: number, seconds: number, only: string, profile: string | null, scratch: string }} Settings */

const connections = 64;
const readConnections = 100;
const connectWorkers = 8;
const idleMs = 3_000;

/** @param {Settings} settings */
export async function measure(settings) {
  const provider = await startScriptedProvider();
  const postgres = await startPostgres();
  /** @type {{ stop(): Promise<void> }[]} */
  const stops = [postgres, { stop: () => provider.close() }];
  const keep = (running) => {
    stops.unshift(running);
    return running;
  };
  try {
    const options = { scratch: settings.scratch, profile: settings.profile };
    const sqlite = keep(await startStack({ name: 'sqlite', ...options }));
    const overPostgres = keep(await startStack({ name: 'postgres', databaseUrl: postgres.url, ...options }));
    for (const stack of [sqlite, overPostgres]) await registerProvider(stack, provider);
    const idle = await measureIdle(sqlite);
    const ids = { sqlite: await connectMany(sqlite), postgres: await connectMany(overPostgres) };
    const sample = await (await fetch(`${sqlite.urls.gateway}/v1/token/${ids.sqlite[0]}`)).text();
    const floors = await startFloors(settings.scratch, Buffer.byteLength(sample), keep);
    const loads = describeLoads({ floors, sqlite, overPostgres, ids });
    const rates = await alternate(settings, loads);
    const flows = await measureFlows(settings, { sqlite, postgres: overPostgres });
    const underLoad = { broker: await readMemory(sqlite.broker().pid), gateway: await readMemory(sqlite.gateway.pid) };
    const starts = await measureStarts(settings, sqlite);
    return { answerBytes: Buffer.byteLength(sample), rates, flows, idle, underLoad, starts };
  } finally {
    for (const running of stops) await running.stop();
  }
}

async function measureIdle(stack) {
  await sleep(idleMs);
  return { broker: await readMemory(stack.broker().pid), gateway: await readMemory(stack.gateway.pid) };
}

async function connectMany(stack) {
  const ids = [];
  for (let n = 0; n < readConnections; n++) ids.push((await connect(stack)).id);
  return ids;
}

async function startFloors(scratch, bytes, keep) {
  const [answerPort, proxyPort] = [await findPort(), await findPort()];
  const startFloor = (role, port) =>
    start({
      main: 'test/bench/floor.mjs',
      env: {
        FLOOR_ROLE: role,
        FLOOR_PORT: String(port),
        FLOOR_BYTES: String(bytes),
        FLOOR_UPSTREAM: `http://127.0.0.1:${answerPort}`,
      },
      readyUrl: `http://127.0.0.1:${port}/`,
      log: join(scratch, `floor-${role}.out`),
    });
  keep(await startFloor('answer', answerPort));
  keep(await startFloor('proxy', proxyPort));
  return { oneHop: `http://127.0.0.1:${answerPort}`, twoHops: `http://127.0.0.1:${proxyPort}` };
}

function describeLoads({ floors, sqlite, overPostgres, ids }) {
  const read = (verb, list) => list.map((id) => ({ method: 'GET', path: `/v1/${verb}/${id}` }));
  const internal = ids.sqlite.map((id) => ({
    method: 'POST',
    path: '/internal/v1/connections/token',
    headers: { 'X-API-Key': sqlite.gatewayKey, 'Content-Type': 'application/json' },
    body: JSON.stringify({ connection_id: id }),
  }));
  const floor = [{ method: 'GET', path: '/' }];
  return [
    { name: 'floor: two hops', url: floors.twoHops, requests: floor },
    {
      name: 'token reads, SQLite',
      url: sqlite.urls.gateway,
      requests: read('token', ids.sqlite),
      against: 'floor: two hops',
      target: 0.5,
      p99Target: 3,
    },
    { name: 'floor: one hop', url: floors.oneHop, requests: floor },
    {
      name: 'token reads, Broker alone',
      url: sqlite.urls.broker,
      requests: internal,
      against: 'floor: one hop',
      target: 0.3,
    },
    {
      name: 'check-connection, SQLite',
      url: sqlite.urls.gateway,
      requests: read('check-connection', ids.sqlite),
      against: 'floor: two hops',
      target: 0.6,
    },
    {
      name: 'token reads, PostgreSQL',
      url: overPostgres.urls.gateway,
      requests: read('token', ids.postgres),
      against: 'floor: two hops',
      target: 0.3,
    },
  ];
}

async function alternate(settings, loads) {
  const chosen = loads.filter(({ name }) => name.startsWith('floor') || name.includes(settings.only));
  const results = chosen.map(({ name, against, target, p99Target }) => ({
    name,
    against,
    target,
    p99Target,
    runs: [],
  }));
  for (let run = 1; run <= settings.runs; run++) {
    for (const [index, { url, requests }] of chosen.entries()) {
      const result = await runLoad({ url, requests, seconds: settings.seconds, connections });
      results[index].runs.push(result);
      console.error(`run ${run} of ${settings.runs}: ${results[index].name}: ${result.perSecond.toFixed(0)}/s`);
    }
  }
  return results;
}

async function measureFlows(settings, stacks) {
  const flows = [];
  for (const [engine, stack] of Object.entries(stacks)) {
    const until = performance.now() + settings.seconds * 1_000;
    const startedAt = performance.now();
    const times = [];
    const worker = async () => {
      while (performance.now() < until) times.push((await connect(stack)).times);
    };
    await Promise.all(Array.from({ length: connectWorkers }, worker));
    const sums = steps.map((_, index) => times.reduce((sum, one) => sum + one[index], 0));
    const total = sums.reduce((sum, one) => sum + one, 0);
    flows.push({
      engine,
      perSecond: times.length / ((performance.now() - startedAt) / 1_000),
      shares: Object.fromEntries(steps.map((step, index) => [step, sums[index] / total])),
    });
  }
  return flows;
}

async function measureStarts(settings, stack) {
  const starts = [];
  for (let run = 0; run < settings.runs; run++) starts.push(await stack.restartBroker());
  return starts;
}
