/** What applications, agents and people do while Brokers of two versions serve them: each step at whichever comes up. */
import type { FaultyProvider } from '@nexus/testkit/faulty-provider';
import type { RefreshFault } from '@nexus/testkit/refresh-faults';
import { type OpenedSession, readThrough, summarise, type TestAgent } from '../support/agents.js';
import { type Requested, returnUrl } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { answerAuthorization } from '../support/scripted-oauth.js';
import type { SeededRandom } from '../support/seeded-random.js';
import { setAccessExpiry } from '../support/sql.js';
import type { Answer, Stack } from '../support/stack.js';

/** A Broker behind its Gateway. */
export interface VersionedNode extends Pick<Stack, 'gatewayUrl' | 'broker' | 'gateway'> {
  readonly version: 'old' | 'new';
}

/** Ends a grant whose used refresh token comes back, at once or only after a long while. */
export interface StrictProvider extends FaultyProvider {
  readonly name: string;
  /** What goes wrong with the next refresh of these families. */
  readonly next: Map<string, RefreshFault>;
}

export interface MixedWorld {
  readonly stack: Stack;
  /** Those that are up. */
  nodes: readonly [VersionedNode, ...VersionedNode[]];
  readonly random: SeededRandom;
  readonly strict: StrictProvider;
  readonly patient: StrictProvider;
  readonly staticName: string;
  readonly agent: TestAgent;
  /** Counts what nobody else is called yet. */
  named: number;
  readonly connections: MixedConnection[];
  readonly violations: string[];
  readonly counts: Map<string, number>;
  /** Names of the fields of answers, by operation and version. */
  readonly fields: Map<string, Set<string>>;
}

export interface MixedConnection extends Pick<Requested, 'connection_id' | 'connection_ref'> {
  readonly provider: StrictProvider | null;
  /** The account at the provider, from which the names of its grants begin. */
  readonly account: string;
  /** The grant or the API key it must hold. */
  holds: string;
  isDeleted: boolean;
  /** Its provider spent the refresh token for a Broker that died before it could store the answer. */
  isLost: boolean;
}

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
  const actions = [...always.slice(0, 3), ...always, ...(provider === null ? [session] : ofOauth)];
  return actions[random.below(actions.length)] ?? readEverywhere;
}

function pickNode(world: MixedWorld): VersionedNode {
  return world.random.pick(world.nodes as [VersionedNode, ...VersionedNode[]]);
}

/** Counts the answer, and remembers which fields it has. */
function expectStatus(
  world: MixedWorld,
  what: string,
  node: VersionedNode,
  answer: Answer,
  statuses: number[],
): boolean {
  count(world, `${what} (${node.version}): ${answer.status}`);
  if (answer.status < 300 && typeof answer.body === 'object' && answer.body !== null) {
    const key = `${what}/${node.version}`;
    const seen = world.fields.get(key) ?? new Set<string>();
    for (const name of Object.keys(answer.body)) seen.add(name);
    world.fields.set(key, seen);
  }
  if (statuses.includes(answer.status)) return true;
  violate(world, `${what} at the ${node.version} one answers ${statuses.join(' or ')}`, summarise(answer));
  return false;
}

export function violate(world: MixedWorld, rule: string, detail: unknown): void {
  world.violations.push(`${rule}: ${JSON.stringify(detail)}`);
}

export function count(world: MixedWorld, what: string): void {
  world.counts.set(what, (world.counts.get(what) ?? 0) + 1);
}

/** Nothing, where a step of the flow went wrong. */
async function connect(world: MixedWorld): Promise<readonly MixedConnection[]> {
  const choices = [world.strict, world.strict, world.patient, null] as const;
  return connectAt(world, choices[world.random.below(choices.length)] ?? null);
}

export async function connectAt(
  world: MixedWorld,
  provider: StrictProvider | null,
): Promise<readonly MixedConnection[]> {
  world.named += 1;
  const account = `p${world.named}`;
  const connected = await runFlow(world, { provider, account, reconnected: null });
  return connected === null ? [] : [connected];
}

interface FlowInput {
  readonly provider: StrictProvider | null;
  readonly account: string;
  readonly reconnected: MixedConnection | null;
}

/** A flow from the request to the credential; a Gateway of either version takes each of its steps. */
async function runFlow(world: MixedWorld, input: FlowInput): Promise<MixedConnection | null> {
  const { provider, account, reconnected } = input;
  world.named += 1;
  const holds = `${account}x${world.named}`;
  const node = pickNode(world);
  const body = {
    workspace_id: 'workspace-1',
    provider_name: provider?.name ?? world.staticName,
    return_url: returnUrl,
    ...(reconnected === null ? {} : { connection_id: reconnected.connection_id }),
  };
  const answer = await node.gateway('POST', '/v1/request-connection', { body });
  if (!expectStatus(world, 'request a flow', node, answer, [200])) return null;
  const requested = answer.body as Requested;
  const isStored = provider === null ? await capture(world, requested, holds) : await consent(world, requested, holds);
  if (!isStored) return null;
  if (reconnected !== null) return Object.assign(reconnected, { holds });
  const { connection_id, connection_ref } = requested;
  const connection = { connection_id, connection_ref, provider, account, holds, isDeleted: false, isLost: false };
  world.connections.push(connection);
  return connection;
}

async function capture(world: MixedWorld, { state }: Requested, apiKey: string): Promise<boolean> {
  const node = pickNode(world);
  const body = { state, credentials: { api_key: apiKey } };
  const answer = await node.gateway('POST', '/v1/capture-credential', { body });
  return expectStatus(world, 'capture a credential', node, answer, [200]);
}

async function consent(world: MixedWorld, requested: Requested, family: string): Promise<boolean> {
  const person = new Person(world.stack.gatewayUrl);
  const at = (url: string): string => url.replace(world.stack.gatewayUrl, pickNode(world).gatewayUrl);
  await person.open(at(requested.auth_url));
  const hop = await person.press(at(requested.auth_url));
  if (hop.status === 303) {
    const callback = answerAuthorization(hop.location, { code: `code-${family}-1` });
    const page = await person.open(at(callback));
    count(world, `consent: ${page.status}`);
    if (page.status === 303 && new URL(page.location).searchParams.get('status') === 'success') return true;
    violate(world, 'a consent leads to success', { status: page.status, location: page.location });
  } else violate(world, 'a link leads to the provider', { status: hop.status });
  return false;
}

async function reconnect(world: MixedWorld, connection: MixedConnection): Promise<void> {
  const { provider, account } = connection;
  await runFlow(world, { provider, account, reconnected: connection });
  await readEverywhere(world, connection);
}

/** One answer of each node that is up. */
async function readEverywhere(world: MixedWorld, connection: MixedConnection): Promise<void> {
  await Promise.all(world.nodes.map((node) => readAt(world, node, connection)));
}

export async function readAt(world: MixedWorld, node: VersionedNode, connection: MixedConnection): Promise<void> {
  const { connection_id, isDeleted } = connection;
  const answer = await node.gateway('GET', `/v1/token/${connection_id}`);
  const what = isDeleted ? 'read what is deleted' : 'read';
  if (!expectStatus(world, what, node, answer, [isDeleted ? 410 : 200]) || isDeleted) return;
  judgeCredential(world, node, connection, answer.body.credentials);
}

function judgeCredential(
  world: MixedWorld,
  { version }: VersionedNode,
  { provider, holds }: MixedConnection,
  credentials: Readonly<Record<string, string>>,
): void {
  if (provider === null) {
    if (credentials['api_key'] !== holds) violate(world, `the ${version} one reads what was captured`, { holds });
    return;
  }
  const token = String(credentials['access_token']);
  const isOwn = token.split('-')[1] === holds;
  if (!isOwn || !provider.families.isAccepted(token)) {
    const grant = { endedBy: provider.families.endedBy(token.split('-')[1] ?? ''), ...provider.count(holds) };
    violate(world, `what the ${version} one hands out is accepted`, { token, holds, at: provider.name, grant });
  }
}

async function expireAndRead(world: MixedWorld, connection: MixedConnection): Promise<void> {
  const { provider, holds, connection_ref } = connection;
  const before = provider?.count(holds).calls ?? 0;
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
  await Promise.all(
    [...world.nodes, pickNode(world)].map(async (node) => {
      const answer = await node.gateway('POST', `/v1/refresh/${connection.connection_id}`);
      if (expectStatus(world, 'force', node, answer, [200])) {
        judgeCredential(world, node, connection, answer.body.credentials);
      }
    }),
  );
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
  const scopes = connection.provider === null ? [] : ['read', 'write'];
  const opened = await openAt(world, connection, scopes);
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
    await new Promise((resolve) => setTimeout(resolve, 200));
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
