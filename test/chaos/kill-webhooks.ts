/**
 * Kills the Broker again and again while connections come and go and their events go out. Every change that was kept
 * must reach the receiver, however often, and each connection's events in their order.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { Webhook } from 'standardwebhooks';
import { registerStaticProvider, returnUrl } from '../support/fixtures.js';
import { createSeededRandom, type SeededRandom } from '../support/seeded-random.js';
import { runSql } from '../support/sql.js';
import { type Engine, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

interface KillOptions {
  readonly engine: Engine;
  readonly kills: number;
  readonly seed: number;
}

export interface WebhookReport {
  readonly violations: readonly string[];
  readonly connections: number;
  readonly events: number;
  /** Arrivals of an event that had arrived before. */
  readonly repeated: number;
}

interface Arrival {
  readonly id: string;
  readonly ref: string;
  readonly status: string;
}

interface Event {
  readonly data: { readonly connection_ref: string; readonly status: string };
}

interface World {
  readonly stack: Stack;
  readonly random: SeededRandom;
  readonly arrivals: Arrival[];
  isStopping: boolean;
}

export async function killWebhooks({ engine, kills, seed }: KillOptions): Promise<WebhookReport> {
  const random = createSeededRandom(seed);
  const receiver = await startScriptedProvider();
  const stack = await startStack({
    engine,
    brokerEnv: { LOG_LEVEL: 'warn', PENDING_CAP_PER_SOURCE: '100000', PENDING_CAP_TOTAL: '100000' },
    gatewayEnv: { LOG_LEVEL: 'warn' },
  });
  const world: World = { stack, random, arrivals: [], isStopping: false };
  try {
    let secret = '';
    receiver.answer('/hook', ({ headers, body }) => {
      // An event that the reference library does not verify has not arrived.
      const { data } = new Webhook(secret).verify(body, headers as Record<string, string>) as Event;
      world.arrivals.push({ id: String(headers['webhook-id']), ref: data.connection_ref, status: data.status });
      return { delayMs: random.below(30) };
    });
    await registerStaticProvider(stack);
    const events = ['connection.active', 'connection.revoked'];
    const created = await stack.broker('POST', '/admin/v1/webhooks', { body: { url: receiver.url('/hook'), events } });
    if (created.status !== 201) throw new Error(`the webhook was not registered: ${JSON.stringify(created.body)}`);
    ({ secret } = created.body);
    const working = Array.from({ length: 3 }, () => work(world));
    for (let kill = 0; kill < kills; kill++) {
      await sleep(200 + random.below(900));
      await stack.killBroker();
      await stack.startBroker();
      await endLeases(stack);
    }
    await sleep(300);
    world.isStopping = true;
    await Promise.all(working);
    const path = `/admin/v1/webhooks/${created.body.id}/deliveries?status=pending`;
    await waitFor(
      'every event is delivered',
      async () => ((await stack.broker('GET', path)).body.deliveries.length === 0 ? true : null),
      60_000,
    );
    return await examine(world);
  } finally {
    world.isStopping = true;
    await stack.close();
    await receiver.close();
  }
}

/** Leases of the dead last half a minute; here that time has passed. */
async function endLeases(stack: Stack): Promise<void> {
  await runSql(
    stack,
    `update webhook_delivery set lease_until = '2000-01-01T00:00:00.000Z' where lease_until is not null`,
  );
}

/** Connects and deletes; what a kill interrupts is left as it is. */
async function work(world: World): Promise<void> {
  while (!world.isStopping) {
    try {
      await connectAndDelete(world);
    } catch {
      await sleep(50);
    }
  }
}

async function connectAndDelete({ stack, random }: World): Promise<void> {
  const body = { workspace_id: 'chaos', provider_name: 'acme-key', return_url: returnUrl };
  const requested = await stack.gateway('POST', '/v1/request-connection', { body });
  const { state, connection_id: id } = requested.body;
  const captured = await stack.gateway('POST', '/v1/capture-credential', {
    body: { state, credentials: { api_key: 'fixture-key' } },
  });
  if (captured.status !== 200) throw new Error('not connected');
  if (random.below(2) === 0) return;
  await stack.gateway('DELETE', `/v1/connections/${id}`, { key: stack.adminKey });
}

async function examine({ stack, arrivals }: World): Promise<WebhookReport> {
  const rows = await runSql(stack, `select connection_ref, status, version from connection`);
  const violations: string[] = [];
  const seen = new Map<string, string[]>();
  const ids = new Set<string>();
  for (const { id, ref, status } of arrivals) {
    if (!ids.has(id)) seen.set(ref, [...(seen.get(ref) ?? []), status]);
    ids.add(id);
  }
  for (const { connection_ref: ref, status, version } of rows) {
    const expected = [...(Number(version) > 0 ? ['active'] : []), ...(status === 'revoked' ? ['revoked'] : [])];
    const found = seen.get(String(ref)) ?? [];
    if (found.join() !== expected.join()) violations.push(`${ref} is ${status}: [${found}] instead of [${expected}]`);
  }
  return { violations, connections: rows.length, events: ids.size, repeated: arrivals.length - ids.size };
}
