/** One to three Brokers, providers that guard their refresh tokens in different ways, and connections at each of them. */
import { type FaultyProvider, startFaultyProvider } from '@nexus/testkit/faulty-provider';
import { requestConnection } from '../support/fixtures.js';
import { type Replica, startReplica } from '../support/replica.js';
import { connectAs } from '../support/scripted-oauth.js';
import type { SeededRandom } from '../support/seeded-random.js';
import { runSql } from '../support/sql.js';
import { type Answer, type Engine, type Stack, startStack } from '../support/stack.js';
import { seedConnections } from './seed-connections.js';

/** A Broker that can be killed, and the Gateway before it. */
export type Node = Pick<Replica, 'killBroker' | 'startBroker' | 'gateway'>;

export interface Guarded {
  readonly name: string;
  readonly rotation: 'strict' | 'always' | 'sometimes';
  /** 0 where a used refresh token is never answered again. */
  readonly graceSeconds: number;
  readonly provider: FaultyProvider;
  readonly templateRef: string;
}

export interface Grant {
  readonly id: string;
  readonly ref: string;
  /** Names its refresh tokens at the provider. */
  readonly family: string;
  readonly at: Guarded;
}

export interface RefreshWorld {
  readonly stack: Stack;
  readonly nodes: readonly [Node, ...Node[]];
  readonly guarded: readonly [Guarded, ...Guarded[]];
  /** A connection nobody has used, whose access token has ended or has an hour to live. */
  takeGrant(at: Guarded, isExpired: boolean): Promise<Grant>;
  close(): Promise<void>;
}

export const moments = ['calm', 'asked', 'answered', 'lost', 'partial', 'slow', 'failing', 'throttled'] as const;
/** `asked` and `answered`: the Broker is killed before the provider acts, or once it has answered. */
export type Moment = (typeof moments)[number];

/** What was done with one grant. */
export interface Run {
  readonly grant: Grant;
  readonly moment: Moment;
  readonly isDeleted: boolean;
  /** From the readiness of the killed Broker to the first answered read, where it is the only one; else null. */
  readonly recoveredInMs: number | null;
}

export interface KillRefreshReport {
  readonly violations: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

/** Longer than any run takes. */
const graceSeconds = 3_600;
const kinds = [
  { name: 'strict', rotation: 'strict', graceSeconds: 0, isKnown: true },
  { name: 'patient', rotation: 'strict', graceSeconds, isKnown: true },
  { name: 'unknown', rotation: 'always', graceSeconds, isKnown: false },
] as const;
const seedSize = 40;

export async function startRefreshWorld(engine: Engine, replicas: number, random: SeededRandom): Promise<RefreshWorld> {
  const stack = await startStack({ engine, brokerEnv: { LOG_LEVEL: 'warn' }, gatewayEnv: { LOG_LEVEL: 'warn' } });
  const others: Replica[] = [];
  const guarded: Guarded[] = [];
  const close = async () => {
    await Promise.all(others.map((replica) => replica.close()));
    await stack.close();
    await Promise.all(guarded.map(({ provider }) => provider.close()));
  };
  try {
    for (let number = 1; number < replicas; number++) others.push(await startReplica(stack));
    for (const kind of kinds) guarded.push(await registerGuarded(stack, kind, random));
  } catch (error) {
    await close();
    throw error;
  }
  const first: Node = { ...stack, startBroker: () => stack.startBroker() };
  const waiting = new Map<Guarded, Grant[]>();
  return {
    stack,
    nodes: [first, ...others],
    guarded: guarded as [Guarded, ...Guarded[]],
    async takeGrant(at, isExpired) {
      if ((waiting.get(at)?.length ?? 0) === 0) waiting.set(at, await seedGrants(stack, at));
      const grant = waiting.get(at)?.pop();
      if (grant === undefined) throw new Error('no connection was seeded');
      await setExpiry(stack, grant, isExpired ? -5 : 3_600);
      return grant;
    },
    close,
  };
}

async function registerGuarded(stack: Stack, kind: (typeof kinds)[number], random: SeededRandom): Promise<Guarded> {
  const { name, rotation } = kind;
  const provider = await startFaultyProvider({ rotation, graceSeconds: kind.graceSeconds, random: random.next });
  const { server } = provider;
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
      scopes: ['read'],
      refresh: {
        calls_per_second: 1_000,
        concurrency: 100,
        ...(kind.isKnown ? { rotation, grace_seconds: kind.graceSeconds } : {}),
      },
    },
  });
  if (created.status !== 201) throw new Error(`the provider was not registered: ${JSON.stringify(created.body)}`);
  const requested = await requestConnection(stack, { provider_name: name });
  const returned = await connectAs(stack, requested, 'template');
  if (!returned.location.includes('status=success')) throw new Error(`not connected: ${returned.text}`);
  return { name, rotation, graceSeconds: kind.graceSeconds, provider, templateRef: requested.connection_ref };
}

async function seedGrants(stack: Stack, at: Guarded): Promise<Grant[]> {
  const seeded = await seedConnections(stack, at.templateRef, seedSize);
  // Another connection of the same account would keep a deletion from revoking.
  await runSql(stack, 'update connection set account_subject = connection_ref');
  return seeded.map(({ id, ref, secret }) => {
    at.provider.families.issue(secret);
    return { id, ref, family: secret, at };
  });
}

/** Lets the access token end in so many seconds, and the last refresh be long ago. */
export async function setExpiry(stack: Stack, { ref }: Grant, inSeconds: number): Promise<void> {
  const expiresAt = Math.floor(Date.now() / 1_000) + inSeconds;
  const statement =
    'update connection set access_expires_at = ?, refresh_after = ?, last_call_at = null, next_attempt_at = null where connection_ref = ?';
  await runSql(stack, statement, [expiresAt, (expiresAt - 600) * 1_000, ref]);
}

/** Null where the Broker was killed on the way. */
export function read(node: Node, grant: Grant): Promise<Answer | null> {
  return node.gateway('GET', `/v1/token/${grant.id}`).catch(() => null);
}

export function force(node: Node, grant: Grant): Promise<Answer | null> {
  return node.gateway('POST', `/v1/refresh/${grant.id}`).catch(() => null);
}
