/** Brokers of two versions behind their Gateways, and steps that are taken at whichever comes up. */
import type { FaultyProvider } from '@nexus/testkit/faulty-provider';
import type { RefreshFault } from '@nexus/testkit/refresh-faults';
import { summarise, type TestAgent } from '../support/agents.js';
import { type Requested, returnUrl } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { answerAuthorization } from '../support/scripted-oauth.js';
import type { SeededRandom } from '../support/seeded-random.js';
import type { Answer, Stack } from '../support/stack.js';

/** A Broker behind its Gateway. */
export interface VersionedNode extends Pick<Stack, 'brokerUrl' | 'gatewayUrl' | 'broker' | 'gateway'> {
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

export function pickNode(world: MixedWorld): VersionedNode {
  return world.random.pick(world.nodes as [VersionedNode, ...VersionedNode[]]);
}

/** Counts the answer, and remembers which fields it has. */
export function expectStatus(
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
export async function connect(world: MixedWorld): Promise<readonly MixedConnection[]> {
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
export async function runFlow(world: MixedWorld, input: FlowInput): Promise<MixedConnection | null> {
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

/** One answer of each node that is up. */
export async function readEverywhere(world: MixedWorld, connection: MixedConnection): Promise<void> {
  await Promise.all(world.nodes.map((node) => readAt(world, node, connection)));
}

export async function readAt(world: MixedWorld, node: VersionedNode, connection: MixedConnection): Promise<void> {
  const { connection_id, isDeleted } = connection;
  const answer = await node.gateway('GET', `/v1/token/${connection_id}`);
  const what = isDeleted ? 'read what is deleted' : 'read';
  if (!expectStatus(world, what, node, answer, [isDeleted ? 410 : 200]) || isDeleted) return;
  judgeCredential(world, node, connection, answer.body.credentials);
}

export function judgeCredential(
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
