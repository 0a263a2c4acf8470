/** What applications, agents and people do while Brokers of two versions serve them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenedSession, readThrough } from '../support/agents.js';
import { setAccessExpiry } from '../support/sql.js';
import {
  connect,
  count,
  expectStatus,
  judgeCredential,
  type MixedConnection,
  type MixedWorld,
  pickNode,
  readAt,
  readEverywhere,
  runFlow,
  violate,
} from './mixed-versions-world.js';

type Action = (world: MixedWorld, connection: MixedConnection) => Promise<void>;

/** One worker, on connections of its own, so that what it knows of them is exact. */
export async function workMixed(world: MixedWorld, mayGoOn: () => boolean): Promise<void> {
  const own: MixedConnection[] = [];
  while (mayGoOn()) {
    const live = own.filter(({ isDeleted }) => !isDeleted);
    const chosen = live[world.random.below(Math.max(1, live.length))];
    if (chosen === undefined || world.random.next() < 0.2) own.push(...(await connect(world)));
    else await chooseAction(world, chosen)(world, chosen);
  }
}

function chooseAction({ random }: MixedWorld, { provider }: MixedConnection): Action {
  const always: readonly Action[] = [readEverywhere, look, reconnect, remove];
  const ofOauth: readonly Action[] = [expireAndRead, expireAndRead, force, force, narrow, narrow, session, loseAnswer];
  const actions = [...always.slice(0, 3), ...always, ...(provider === null ? [] : ofOauth)];
  return actions[random.below(actions.length)] ?? readEverywhere;
}

async function reconnect(world: MixedWorld, connection: MixedConnection): Promise<void> {
  const { provider, account } = connection;
  await runFlow(world, { provider, account, reconnected: connection });
  await readEverywhere(world, connection);
}

/** Long enough for everybody who asks at the same time to come while the call is under way. */
const slowly = { kind: 'slow', ms: 200 } as const;

async function expireAndRead(world: MixedWorld, connection: MixedConnection): Promise<void> {
  const { provider, holds, connection_ref } = connection;
  const before = provider?.count(holds).calls ?? 0;
  provider?.next.set(holds, slowly);
  await setAccessExpiry(world.stack, connection_ref);
  const readers = [...world.nodes, ...world.nodes, pickNode(world)];
  await Promise.all(readers.map((node) => readAt(world, node, connection)));
  const calls = (provider?.count(holds).calls ?? 0) - before;
  count(world, `calls for a crowd of readers: ${calls}`);
  if (calls !== 1) violate(world, 'R2 a crowd of readers causes one call', { calls, holds });
}

async function force(world: MixedWorld, connection: MixedConnection): Promise<void> {
  const { provider, holds } = connection;
  const before = provider?.count(holds).calls ?? 0;
  provider?.next.set(holds, slowly);
  await Promise.all(
    [...world.nodes, pickNode(world)].map(async (node) => {
      const answer = await node.gateway('POST', `/v1/refresh/${connection.connection_id}`);
      if (expectStatus(world, 'force', node, answer, [200])) {
        judgeCredential(world, node, connection, answer.body.credentials);
      }
    }),
  );
  // Forced too soon after the last one there is no call, and the next one is to be as quick as ever.
  provider?.next.delete(holds);
  count(world, `calls for a crowd that forces: ${(provider?.count(holds).calls ?? 0) - before}`);
}

async function openAt(
  world: MixedWorld,
  { connection_id }: MixedConnection,
  scopes: readonly string[],
): Promise<OpenedSession | null> {
  const { agent } = world;
  const node = pickNode(world);
  const body = { agent_id: agent.agentId, connection_id, scopes };
  const answer = await node.gateway('POST', '/v1/agent-sessions', { key: agent.key, body });
  return expectStatus(world, 'open a session', node, answer, [201]) ? (answer.body as OpenedSession) : null;
}

/** Narrows at one, reads at every one, and looks whether the grant is still whole. */
async function narrow(world: MixedWorld, connection: MixedConnection): Promise<void> {
  const opened = await openAt(world, connection, ['read']);
  if (opened === null) return;
  for (const node of [pickNode(world), ...world.nodes]) {
    const answer = await readThrough(node, opened);
    if (!expectStatus(world, 'read narrowed', node, answer, [200])) continue;
    if (answer.body.narrowed !== true) violate(world, 'a narrower session reads a narrowed token', answer.body.scope);
    judgeCredential(world, node, connection, answer.body.credentials);
  }
  await readEverywhere(world, connection);
}

async function session(world: MixedWorld, connection: MixedConnection): Promise<void> {
  const opened = await openAt(world, connection, ['read', 'write']);
  if (opened === null) return;
  const reader = pickNode(world);
  const answer = await readThrough(reader, opened);
  if (expectStatus(world, 'read through a session', reader, answer, [200])) {
    judgeCredential(world, reader, connection, answer.body.credentials);
  }
  const closer = pickNode(world);
  const path = `/v1/agent-sessions/${opened.session_id}`;
  const closed = await closer.gateway('DELETE', path, { key: world.agent.key });
  expectStatus(world, 'close a session', closer, closed, [200]);
  for (const node of world.nodes) {
    expectStatus(world, 'read through a closed session', node, await readThrough(node, opened), [401]);
  }
}

/** The provider acts and its answer gets lost; it answers the same refresh token again, whoever shows it. */
async function loseAnswer(world: MixedWorld, connection: MixedConnection): Promise<void> {
  const { provider, holds, connection_ref } = connection;
  if (provider !== world.patient) return readEverywhere(world, connection);
  provider.next.set(holds, { kind: 'lost' });
  await setAccessExpiry(world.stack, connection_ref);
  const node = pickNode(world);
  const first = await node.gateway('GET', `/v1/token/${connection.connection_id}`);
  expectStatus(world, 'read while the answer gets lost', node, first, [200, 502]);
  provider.next.delete(holds);
  const deadline = performance.now() + 15_000;
  for (;;) {
    const other = pickNode(world);
    const answer = await other.gateway('GET', `/v1/token/${connection.connection_id}`);
    if (answer.status !== 502 || performance.now() > deadline) {
      if (expectStatus(world, 'read after an answer was lost', other, answer, [200])) {
        judgeCredential(world, other, connection, answer.body.credentials);
      }
      return;
    }
    await sleep(200);
  }
}

/** Everything else that is only looked at: each version must be able to read what the other wrote. */
async function look(world: MixedWorld, { connection_id, connection_ref }: MixedConnection): Promise<void> {
  const node = pickNode(world);
  const key = world.stack.adminKey;
  const checked = await node.gateway('GET', `/v1/check-connection/${connection_id}`);
  if (expectStatus(world, 'check', node, checked, [200]) && checked.body.status !== 'active') {
    violate(world, 'a connection that nobody ended is active', checked.body);
  }
  const paths = [`/audit?connection_ref=${connection_ref}&limit=500`, '/audit?limit=200', '/admin/v1/status'];
  const path = world.random.pick(paths as [string, ...string[]]);
  expectStatus(world, path.split('?')[0] ?? path, node, await node.broker('GET', path), [200]);
  expectStatus(world, 'list providers', node, await node.gateway('GET', '/v1/providers', { key }), [200]);
}

async function remove(world: MixedWorld, connection: MixedConnection): Promise<void> {
  const node = pickNode(world);
  const path = `/v1/connections/${connection.connection_id}`;
  const answer = await node.gateway('DELETE', path, { key: world.stack.adminKey });
  if (!expectStatus(world, 'delete', node, answer, [200])) return;
  connection.isDeleted = true;
  await readEverywhere(world, connection);
  const { provider, holds } = connection;
  if (provider?.families.isAlive(holds) === true) violate(world, 'R18 what a deletion ends is revoked', { holds });
}
