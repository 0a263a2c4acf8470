/** Brokers of this version and of an earlier one on one PostgreSQL, under one load: what an upgrade looks like. */
import { startFaultyProvider } from '@nexus/testkit/faulty-provider';
import type { RefreshFault } from '@nexus/testkit/refresh-faults';
import { registerAgent } from '../support/agents.js';
import { registerStaticProvider } from '../support/fixtures.js';
import { runCli } from '../support/nexus-cli.js';
import { type Replica, startReplica } from '../support/replica.js';
import { createSeededRandom, type SeededRandom } from '../support/seeded-random.js';
import { runSql, setAccessExpiry } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';
import { workMixed } from './mixed-versions-load.js';
import { observeGaps, takeOver } from './mixed-versions-moments.js';
import {
  count,
  type MixedWorld,
  readAt,
  type StrictProvider,
  type VersionedNode,
  violate,
} from './mixed-versions-world.js';

/** Who was there first; where it is the old one, the new one brings the schema forward under load. */
export type Order = 'new first' | 'old first';

export interface MixedOptions {
  readonly order: Order;
  /** A compiled checkout of the earlier version. */
  readonly oldRoot: string;
  readonly seed: number;
  /** Each is one to a dozen requests. */
  readonly operations: number;
  readonly onProgress: (line: string) => void;
}

export interface MixedReport {
  readonly violations: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

const workers = 6;
const quiet = { brokerEnv: { LOG_LEVEL: 'warn', CHECKPOINT_SECONDS: '2' } };
const kinds = [
  { name: 'strict', graceSeconds: 0 },
  { name: 'patient', graceSeconds: 3_600 },
] as const;

export async function mixVersions(options: MixedOptions): Promise<MixedReport> {
  const old = { root: options.oldRoot };
  const isOldFirst = options.order === 'old first';
  const stack = await startStack({ engine: 'postgres', ...quiet, ...(isOldFirst ? old : {}) });
  const providers: StrictProvider[] = [];
  let replica: Replica | null = null;
  try {
    const random = createSeededRandom(options.seed);
    for (const kind of kinds) providers.push(await registerStrict(stack, kind, random));
    const world = await createWorld(stack, providers, random, { ...stack, version: isOldFirst ? 'old' : 'new' });
    const [first] = world.nodes;
    let hasJoined = false;
    const before = work(world, () => !hasJoined);
    replica = await startReplica(stack, { ...quiet, ...(isOldFirst ? {} : old) }).finally(() => {
      hasJoined = true;
    });
    await before;
    const second: VersionedNode = { ...replica, version: isOldFirst ? 'new' : 'old' };
    world.nodes = [first, second];
    options.onProgress(`the ${second.version} Broker joined the ${first.version} one`);
    await work(world, upTo((options.operations * 2) / 3));
    await observeGaps(world);
    options.onProgress(`the ${second.version} Broker is killed`);
    await takeOver(world, replica, second, first);
    await endOld(world, { stack, replica, isOldFirst });
    options.onProgress('the old Broker has stopped');
    await work(world, upTo(options.operations / 3));
    await settle(world);
    compareFields(world);
    await verifyAudit(world, isOldFirst ? replica.brokerUrl : stack.brokerUrl);
    return world;
  } finally {
    await replica?.close();
    await stack.close();
    await Promise.all(providers.map((provider) => provider.close()));
  }
}

async function work(world: MixedWorld, mayGoOn: () => boolean): Promise<void> {
  await Promise.all(Array.from({ length: workers }, () => workMixed(world, mayGoOn)));
}

function upTo(operations: number): () => boolean {
  let begun = 0;
  return () => begun++ < operations;
}

/** The old one is asked to stop while the other serves on, or is dead already. */
async function endOld(
  world: MixedWorld,
  { stack, replica, isOldFirst }: { stack: Stack; replica: Replica; isOldFirst: boolean },
): Promise<void> {
  const rest = world.nodes.filter(({ version }) => version === 'new');
  world.nodes = rest as [VersionedNode, ...VersionedNode[]];
  if (!isOldFirst) return;
  await replica.startBroker();
  const working = work(world, upTo(20));
  const code = await stack.stopBroker('SIGTERM');
  if (code !== 0) violate(world, 'the old Broker stops cleanly', code);
  await working;
}

async function registerStrict(
  stack: Stack,
  { name, graceSeconds }: (typeof kinds)[number],
  random: SeededRandom,
): Promise<StrictProvider> {
  const next = new Map<string, RefreshFault>();
  const provider = await startFaultyProvider({
    rotation: 'strict',
    graceSeconds,
    random: random.next,
    faults: (refreshToken) => {
      const family = refreshToken.split('-')[1] ?? '';
      const fault = next.get(family) ?? null;
      next.delete(family);
      return fault;
    },
  });
  const { server } = provider;
  server.answer('/userinfo', ({ headers }) => {
    const family = String(headers['authorization'] ?? '').split('-')[1] ?? 'nobody';
    // A person who connects again has another grant and the same account.
    return { body: { id: family.split('x')[0] } };
  });
  const created = await stack.broker('POST', '/admin/v1/providers', {
    body: {
      name,
      auth_type: 'oauth2',
      client_id: 'nexus',
      client_secret: 'fixture-client-secret',
      auth_url: server.url('/authorize'),
      token_url: server.url('/token'),
      revocation_endpoint: server.url('/revoke'),
      user_info_endpoint: server.url('/userinfo'),
      scopes: ['read', 'write'],
      downscope: { via: 'refresh' },
    },
  });
  if (created.status !== 201) throw new Error(`the provider was not registered: ${JSON.stringify(created.body)}`);
  return { ...provider, name, next };
}

async function createWorld(
  stack: Stack,
  [strict, patient]: readonly StrictProvider[],
  random: SeededRandom,
  first: VersionedNode,
): Promise<MixedWorld> {
  if (strict === undefined || patient === undefined) throw new TypeError('two providers are needed');
  const { name: staticName } = await registerStaticProvider(stack);
  const agent = await registerAgent(stack, { allowed_scopes: ['read', 'write'] });
  return {
    stack,
    nodes: [first],
    random,
    strict,
    patient,
    staticName,
    agent,
    named: 0,
    connections: [],
    violations: [],
    counts: new Map(),
    fields: new Map(),
  };
}

/** Every grant is refreshed once more by who is left, and its provider is asked what it went through. */
async function settle(world: MixedWorld): Promise<void> {
  for (const connection of world.connections) {
    const { provider, holds, isDeleted, isLost, connection_ref } = connection;
    if (isLost) continue;
    if (provider !== null && !isDeleted) await setAccessExpiry(world.stack, connection_ref);
    await readAt(world, world.nodes[0], connection);
    if (provider === null) continue;
    const counts = provider.count(holds);
    count(world, `grants judged at ${provider.name}`);
    if (counts.openAtOnce > 1) violate(world, 'I1 one request is open at a time', { holds, counts });
    if (provider === world.strict && counts.reuses > 0) violate(world, 'R3 no token is spent twice', { holds, counts });
    if (!isDeleted && !counts.isAlive) violate(world, 'R3 no grant is lost', { holds, counts });
  }
  const left = await runSql(
    world.stack,
    `select status, reason, count(*) as n from connection group by status, reason`,
  );
  for (const { status, reason, n } of left) world.counts.set(`rows ${status} ${reason ?? ''}`.trim(), Number(n));
}

/** A client that was written against the old version finds all it knows in answers of the new one. */
function compareFields({ fields, ...world }: MixedWorld): void {
  for (const [key, names] of fields) {
    if (!key.endsWith('/old')) continue;
    const later = fields.get(key.replace(/old$/, 'new'));
    const gone = later === undefined ? [] : [...names].filter((name) => !later.has(name));
    if (gone.length > 0)
      violate({ fields, ...world }, 'the new version answers all fields of the old one', { key, gone });
  }
}

async function verifyAudit(world: MixedWorld, brokerUrl: string): Promise<void> {
  const verified = await runCli(['audit', 'verify', '--store'], { brokerUrl, key: world.stack.adminKey });
  world.counts.set(`audit verify --store: ${verified.code}`, 1);
  if (verified.code !== 0)
    violate(world, 'the audit log verifies', `${verified.stdout}${verified.stderr}`.slice(-2_000));
}
