/** What applications and people do all the time, written so that any answer may fail to come. */
import { createHash, randomBytes } from 'node:crypto';
import { returnUrl } from '../support/fixtures.js';
import { type Page, Person } from '../support/person.js';
import type { SeededRandom } from '../support/seeded-random.js';
import type { Stack } from '../support/stack.js';
import type { GatedClient, Outcome } from './gated-client.js';
import type { ConnectionKind, Ledger, TrackedConnection, TrackedProvider } from './ledger.js';

export interface World {
  readonly stack: Stack;
  readonly client: GatedClient;
  readonly ledger: Ledger;
  readonly random: SeededRandom;
  readonly providers: readonly [TrackedProvider, ...TrackedProvider[]];
  /** Name of a registered provider that takes an API key. */
  readonly staticName: string;
  /** A Broker that is asked to stop, and not killed, loses nothing at all: then no refresh may end in doubt. */
  readonly isGraceful: boolean;
  isStopping: boolean;
}

/** One worker: acts on connections of its own, so that what it knows of them is exact, and reads those of all. */
export async function work(world: World): Promise<void> {
  const own: TrackedConnection[] = [];
  while (!world.isStopping) {
    const action = chooseAction(world, own);
    await action();
  }
}

function chooseAction(world: World, own: TrackedConnection[]): () => Promise<void> {
  const { random } = world;
  const chance = random.next();
  const known = own.filter((connection) => connection.acknowledged && connection.deletion === 'none');
  const chosen = known[random.below(Math.max(1, known.length))];
  if (chosen === undefined || chance < 0.3) return () => connect(world, own);
  if (chance < 0.6) return () => readAny(world);
  if (chance < 0.78 && chosen.kind !== 'static') return () => refresh(world, chosen);
  if (chance < 0.9) return () => reconnect(world, chosen);
  return () => remove(world, chosen);
}

async function connect(world: World, own: TrackedConnection[]): Promise<void> {
  const { random, ledger } = world;
  const kind = random.pick<ConnectionKind>(['confirm', 'confirm', 'bound', 'static']);
  const provider = kind === 'static' ? null : random.pick(world.providers);
  const login = `person-${randomBytes(6).toString('hex')}`;
  const verifier = randomBytes(32).toString('base64url');
  const started = await requestFlow(world, { kind, provider, verifier, reconnected: null });
  if (started === null) return;
  const connection = ledger.track({ id: started.id, ref: started.ref, kind, login, provider });
  await finishFlow(world, connection, { ...started, verifier });
  own.push(connection);
}

interface Started {
  readonly id: string;
  readonly ref: string;
  readonly authUrl: string;
  readonly ticket: string;
}

interface FlowRequest {
  readonly kind: ConnectionKind;
  readonly provider: TrackedProvider | null;
  readonly verifier: string;
  readonly reconnected: TrackedConnection | null;
}

async function requestFlow(world: World, request: FlowRequest): Promise<Started | null> {
  const { kind, provider, verifier, reconnected } = request;
  const outcome = await world.client.send('POST', '/v1/request-connection', {
    body: {
      workspace_id: 'workspace-1',
      provider_name: provider?.name ?? world.staticName,
      return_url: returnUrl,
      ...(kind === 'bound' ? { completion_challenge: createHash('sha256').update(verifier).digest('base64url') } : {}),
      ...(reconnected === null ? {} : { connection_id: reconnected.id }),
    },
  });
  if (outcome.kind === 'lost') return null;
  const { status, body } = outcome.answer;
  if (status !== 200) {
    world.ledger.violate('a flow can be requested', { status, body, kind, ref: reconnected?.ref });
    return null;
  }
  return { id: body.connection_id, ref: body.connection_ref, authUrl: body.auth_url, ticket: body.state };
}

interface Flow extends Started {
  readonly verifier: string;
}

async function finishFlow(world: World, connection: TrackedConnection, flow: Flow): Promise<void> {
  connection.isDirty = true;
  if (connection.kind === 'static') return capture(world, connection, flow);
  const returned = await consent(world, connection, flow);
  if (returned === null) return;
  if (connection.kind === 'confirm') world.ledger.acknowledge(connection);
  else await complete(world, connection, returned.searchParams.get('handle') ?? '', flow.verifier);
}

/** Returns the return URL when it tells of success. */
async function consent(world: World, connection: TrackedConnection, flow: Flow): Promise<URL | null> {
  const { client, ledger, stack } = world;
  const person = new Person(stack.gatewayUrl);
  if ((await client.browse(() => person.open(flow.authUrl))) === null) return null;
  // A press that got no answer may have claimed the flow for a cookie that never arrived; then it is lost for good.
  const hop = await client.browse(() => person.press(flow.authUrl));
  if (hop?.status !== 303) return null;
  if (connection.provider === null) throw new TypeError('a static connection has no provider to consent at');
  const callback = await connection.provider.server.consentAs(hop.location, { login: connection.login });
  const first = await client.browse(() => person.open(callback));
  // A person whose page did not load reloads it: the answer may not have been taken yet.
  const page = first ?? (await client.browse(() => person.open(callback)));
  return page === null ? null : readReturn(ledger, connection, page, first === null);
}

function readReturn(ledger: Ledger, connection: TrackedConnection, page: Page, isReload: boolean): URL | null {
  if (page.status === 303) {
    const url = new URL(page.location);
    if (url.searchParams.get('status') === 'success') return url;
  }
  const isSpent = isReload && (page.status === 410 || page.status === 400);
  if (isSpent) ledger.count('callbacks cut off');
  else ledger.violate('a consent leads to success', { ref: connection.ref, status: page.status, to: page.location });
  return null;
}

async function complete(world: World, connection: TrackedConnection, handle: string, verifier: string): Promise<void> {
  const send = () =>
    world.client.send('POST', '/v1/complete-connection', { body: { handle, code_verifier: verifier } });
  const first = await send();
  const outcome = first.kind === 'lost' ? await send() : first;
  if (outcome.kind === 'lost') return;
  if (outcome.answer.status === 200) world.ledger.acknowledge(connection);
  // After a lost answer a refusal says that the handle had been spent, by a completion that committed.
  else if (first.kind === 'lost') await expectActive(world, connection);
  else world.ledger.violate('a proven completion is accepted', { ref: connection.ref, body: outcome.answer.body });
}

async function capture(world: World, connection: TrackedConnection, flow: Flow): Promise<void> {
  const value = `key-${randomBytes(12).toString('hex')}`;
  connection.submitted.add(value);
  const send = () =>
    world.client.send('POST', '/v1/capture-credential', {
      body: { state: flow.ticket, credentials: { api_key: value } },
    });
  const first = await send();
  const outcome = first.kind === 'lost' ? await send() : first;
  if (outcome.kind === 'lost') return;
  const isStored = outcome.answer.status === 200;
  const isSpent = first.kind === 'lost' && outcome.answer.status === 409;
  if (isStored) {
    // Only the acknowledged value may be read from now on.
    for (const earlier of connection.submitted) if (earlier !== value) connection.submitted.delete(earlier);
    world.ledger.acknowledge(connection);
  } else if (isSpent) await expectActive(world, connection);
  else world.ledger.violate('a capture is accepted', { ref: connection.ref, body: outcome.answer.body });
}

/** What was spent was spent by success, so the connection must be active. */
async function expectActive(world: World, connection: TrackedConnection): Promise<void> {
  const check = await world.client.send('GET', `/v1/check-connection/${connection.id}`);
  if (check.kind === 'lost') return;
  if (check.answer.body.status === 'active') world.ledger.acknowledge(connection);
  else world.ledger.violate('a spent ticket or handle means active', { ref: connection.ref, body: check.answer.body });
}

async function readAny(world: World): Promise<void> {
  const candidates = [...world.ledger.connections.values()].slice(-60);
  const connection = candidates[world.random.below(Math.max(1, candidates.length))];
  if (connection === undefined) return;
  const before = remember(connection);
  const outcome = await world.client.send('GET', `/v1/token/${connection.id}`);
  if (outcome.kind === 'lost') {
    if (connection.provider?.isShortLived === true) connection.refreshInDoubt = true;
    connection.isDirty = true;
    return;
  }
  judgeRead(world.ledger, connection, outcome, before);
}

/** What was certain before a request was sent; its answer may be older than what happened meanwhile. */
export interface Before {
  readonly wasAcknowledged: boolean;
  readonly wasDeleted: boolean;
  readonly submitted: ReadonlySet<string>;
}

export function remember(connection: TrackedConnection): Before {
  return {
    wasAcknowledged: connection.acknowledged,
    wasDeleted: connection.deletion === 'acknowledged',
    submitted: new Set(connection.submitted),
  };
}

export function judgeRead(
  ledger: Ledger,
  connection: TrackedConnection,
  outcome: Outcome & { kind: 'answered' },
  before: Before,
): void {
  const { status, body } = outcome.answer;
  const context = { ref: connection.ref, kind: connection.kind, requestId: outcome.requestId, status, code: body.code };
  if (status === 200) {
    ledger.disclosed({ requestId: outcome.requestId, ref: connection.ref });
    if (before.wasDeleted) ledger.violate('a deleted connection is never read', context);
    const value = String(body.credentials.api_key);
    if (connection.kind === 'static' && !connection.submitted.has(value) && !before.submitted.has(value)) {
      ledger.violate('a static credential reads as it was submitted', { ...context, value });
    }
    return;
  }
  const isExcused =
    connection.deletion !== 'none' ||
    !before.wasAcknowledged ||
    (status === 409 && body.code === 'attention_required' && connection.refreshInDoubt);
  if (!isExcused) ledger.violate('an acknowledged credential stays readable', { ...context, body });
}

async function refresh(world: World, connection: TrackedConnection): Promise<void> {
  connection.isDirty = true;
  const before = remember(connection);
  const outcome = await world.client.send('POST', `/v1/refresh/${connection.id}`);
  if (outcome.kind === 'lost') {
    connection.refreshInDoubt = true;
    world.ledger.count('refreshes in doubt');
    return;
  }
  judgeRead(world.ledger, connection, outcome, before);
  if (outcome.answer.status === 200 && outcome.answer.body.refreshed === true) world.ledger.count('refreshes');
}

async function reconnect(world: World, connection: TrackedConnection): Promise<void> {
  const verifier = randomBytes(32).toString('base64url');
  const { kind, provider } = connection;
  const started = await requestFlow(world, { kind, provider, verifier, reconnected: connection });
  if (started === null) return;
  await finishFlow(world, connection, { ...started, verifier });
  world.ledger.count('reconnects');
}

export async function remove(world: World, connection: TrackedConnection, isAtOnce = false): Promise<void> {
  connection.deletion = 'asked';
  connection.isDirty = true;
  const { client } = world;
  const options = { key: world.stack.adminKey };
  const path = `/v1/connections/${connection.id}`;
  const outcome = await (isAtOnce ? client.sendAtOnce('DELETE', path, options) : client.send('DELETE', path, options));
  if (outcome.kind === 'lost') return;
  if (outcome.answer.status === 200) connection.deletion = 'acknowledged';
  else world.ledger.violate('a connection can be deleted', { ref: connection.ref, body: outcome.answer.body });
  world.ledger.count('deletions');
}
