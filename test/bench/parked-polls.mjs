/**
 * `npm run parked-polls`: what thousands of parked status polls take from token reads.
 *
 *   --polls N     parked polls (default 5000)
 *   --rounds N    rounds of each (default 5)
 *   --seconds N   length of a round (default 4)
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { build, install } from '../../packages/repo-tools/bin/ensure.mjs';

const { values } = parseArgs({
  options: { polls: { type: 'string' }, rounds: { type: 'string' }, seconds: { type: 'string' } },
});
const polls = Number(values.polls ?? 5_000);
const rounds = Number(values.rounds ?? 5);
const seconds = Number(values.seconds ?? 4);
/** The Broker parks no more for one connection. */
const pollsPerConnection = 8;
const waitSeconds = 30;

await install();
await build();
const { startScriptedProvider } = await import('@nexus/testkit/scripted-provider');
const { connect, registerProvider, startStack } = await import('./stack.mjs');
const { runLoad } = await import('./processes.mjs');

const scratch = await mkdtemp(join(tmpdir(), 'nexus-polls-'));
const provider = await startScriptedProvider();
const stack = await startStack({ name: 'polls', scratch, profile: null });
const agent = new Agent({ keepAlive: true, maxSockets: polls });
let isPolling = false;
let parked = 0;
try {
  await registerProvider(stack, provider);
  const readable = [];
  for (let n = 0; n < 20; n++) readable.push((await connect(stack)).id);
  const pending = [];
  for (let n = 0; n < Math.ceil(polls / pollsPerConnection); n++) pending.push(await requestConnection());

  const p99 = { without: [], with: [] };
  // A poll whose caller went away stays parked until its time is over, so the rounds with polls come last.
  for (const kind of /** @type {const} */ (['without', 'with'])) {
    if (kind === 'with') await park(pending);
    for (let round = 1; round <= rounds; round++) {
      const held = parked;
      const result = await measure(readable);
      p99[kind].push(result.p99);
      console.log(
        `round ${round}, ${kind} polls: ${held} parked at the start, ${parked} at the end, ` +
          `${result.perSecond.toFixed(0)} reads/s, p50 ${result.p50} ms, p99 ${result.p99} ms`,
      );
    }
  }
  console.log(
    `p99 in ms, median of ${rounds}: ${median(p99.without)} without, ${median(p99.with)} with ${polls} parked polls`,
  );
} finally {
  isPolling = false;
  agent.destroy();
  await stack.stop();
  await provider.close();
  await rm(scratch, { recursive: true, force: true });
}

function measure(ids) {
  const requests = ids.map((id) => ({ method: 'GET', path: `/v1/token/${id}` }));
  return runLoad({ url: stack.urls.gateway, requests, seconds, connections: 8 });
}

async function requestConnection() {
  const response = await fetch(`${stack.urls.gateway}/v1/request-connection`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ workspace_id: 'polls', provider_name: 'bench', return_url: 'http://127.0.0.1:1/return' }),
  });
  return (await response.json()).connection_id;
}

async function park(ids) {
  isPolling = true;
  for (let n = 0; n < polls; n++) {
    keepPolling(ids[n % ids.length]);
    // As clients come: not all in one moment.
    if (n % 100 === 99) await sleep(20);
  }
  await sleep(2_000);
}

function keepPolling(id) {
  if (!isPolling) return;
  parked += 1;
  const end = () => {
    parked -= 1;
    setTimeout(() => keepPolling(id), 10);
  };
  const call = request(`${stack.urls.gateway}/v1/check-connection/${id}?wait=${waitSeconds}`, { agent }, (response) => {
    response.resume();
    response.on('close', end);
  });
  call.on('error', end);
  call.end();
}

function median(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
}
