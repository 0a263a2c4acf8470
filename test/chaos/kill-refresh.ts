/**
 * Refreshes connections through Brokers that are killed around the very moment at which a provider answers, and through
 * lines that lose answers; then asks the providers, the database and the audit log what became of every grant.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RefreshFault } from '@nexus/testkit/refresh-faults';
import { createSeededRandom, type SeededRandom } from '../support/seeded-random.js';
import type { Engine } from '../support/stack.js';
import { judgeGrants } from './judge-refresh.js';
import {
  force,
  type Grant,
  type KillRefreshReport,
  type Moment,
  moments,
  type Node,
  type RefreshWorld,
  type Run,
  read,
  startRefreshWorld,
} from './refresh-world.js';

export interface KillRefreshOptions {
  readonly engine: Engine;
  readonly replicas: number;
  readonly runs: number;
  readonly seed: number;
  /** What happens in every run; without it, anything. */
  readonly moment?: Moment;
  readonly onProgress?: (line: string) => void;
}

export async function killRefresh(options: KillRefreshOptions): Promise<KillRefreshReport> {
  const random = createSeededRandom(options.seed);
  const world = await startRefreshWorld(options.engine, options.replicas, random);
  try {
    const runs: Run[] = [];
    for (let number = 1; number <= options.runs; number++) {
      const moment = options.moment ?? random.pick<Moment>([...moments, 'answered']);
      runs.push(await runOnce(world, random, moment));
      if (number % 20 === 0) options.onProgress?.(`run ${number} of ${options.runs}`);
    }
    return await judgeGrants(world, runs);
  } finally {
    await world.close();
  }
}

async function runOnce(world: RefreshWorld, random: SeededRandom, moment: Moment): Promise<Run> {
  const at = random.pick(world.guarded);
  const isKill = moment === 'asked' || moment === 'answered';
  const grant = await world.takeGrant(at, random.next() < 0.7);
  const node = random.pick(world.nodes);
  const isDeleted = moment === 'calm' && random.next() < 0.2;
  const killed = isKill ? killAt(moment, node, grant, random) : null;
  if (!isKill) disturb(grant, moment);
  const asking = [random.next() < 0.5 ? read(node, grant) : force(node, grant)];
  // The one that is to be killed is the one that asks.
  const askers = isKill ? [node] : world.nodes;
  for (let more = random.below(4); more > 0; more--) {
    const other = random.pick(askers as [Node, ...Node[]]);
    asking.push(random.next() < 0.5 ? read(other, grant) : force(other, grant));
  }
  if (isDeleted) await deleteGrant(world, grant);
  // A read with a living token that starts no refresh reaches no moment.
  await Promise.race([killed, Promise.all(asking)]);
  if (isKill) await node.killBroker();
  await Promise.all(asking);
  at.provider.setFaults(() => null);
  if (isKill) await node.startBroker();
  // Where others live, nobody knows that the holder of a lease is dead before it has run out.
  const recoveredInMs = isKill && world.stack.engine === 'sqlite' ? await timeRead(node, grant) : null;
  return { grant, moment, isDeleted, recoveredInMs };
}

const patienceMs = 10_000;

/** From now to the first answer that says what became of the grant. */
async function timeRead(node: Node, grant: Grant): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const answer = await read(node, grant);
    const tookMs = performance.now() - startedAt;
    if (answer?.status === 200 || answer?.status === 409 || tookMs > patienceMs) return tookMs;
    await sleep(50);
  }
}

/** Resolves when the moment has come. */
function killAt(moment: Moment, node: Node, grant: Grant, random: SeededRandom): Promise<void> {
  return new Promise((resolve) => {
    const kill = () => void node.killBroker().then(resolve, resolve);
    grant.at.provider.setFaults((refreshToken): RefreshFault | null => {
      if (!refreshToken.includes(`-${grant.family}-`)) return null;
      // The answer leaves in this turn of the event loop; the Broker has it before it is stored, or not.
      if (moment === 'answered') setImmediate(() => (random.next() < 0.5 ? kill() : setTimeout(kill, random.below(4))));
      else kill();
      return moment === 'answered' ? null : { kind: 'failing', status: 503 };
    });
  });
}

const faults: Partial<Record<Moment, RefreshFault>> = {
  lost: { kind: 'lost' },
  partial: { kind: 'partial' },
  slow: { kind: 'slow', ms: 300 },
  failing: { kind: 'failing', status: 503 },
  throttled: { kind: 'throttled', retryAfter: { form: 'seconds', seconds: 1 } },
};

/** The first call of the grant goes wrong. */
function disturb(grant: Grant, moment: Moment): void {
  let isOver = false;
  grant.at.provider.setFaults((refreshToken) => {
    if (isOver || !refreshToken.includes(`-${grant.family}-`)) return null;
    isOver = true;
    return faults[moment] ?? null;
  });
}

async function deleteGrant({ stack }: RefreshWorld, { ref }: Grant): Promise<void> {
  const deleted = await stack.broker('DELETE', `/admin/v1/connections/${ref}`);
  if (deleted.status !== 200) throw new Error(`not deleted: ${JSON.stringify(deleted.body)}`);
}
