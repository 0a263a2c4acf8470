/**
 * Replaces the key-encryption key and the data keys while applications read and refresh, and kills Brokers in the middle
 * of the re-sealing (K6, K7): nobody but who was cut off by a kill may notice, and no credential may be lost.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { addKeyLine, postVault, readRing, takeStep } from '../support/key-ring.js';
import { type Replica, startReplica } from '../support/replica.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { createSeededRandom, type SeededRandom } from '../support/seeded-random.js';
import { type Answer, type Engine, type RequestOptions, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';
import { examineRotation } from './examine-rotation.js';
import { type SeededConnection, seedConnections } from './seed-connections.js';
import { type ReadTarget, SteadyReads } from './steady-reads.js';

export interface RotationOptions {
  readonly engine: Engine;
  readonly connections: number;
  readonly readsPerSecond: number;
  readonly kills: number;
  /** More than one on PostgreSQL only. */
  readonly replicas: number;
  readonly seed: number;
  readonly rowsPerSecond: number;
  readonly onProgress?: (line: string) => void;
}

export interface RotationReport {
  readonly violations: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

interface Target extends ReadTarget {
  broker(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  killBroker(): Promise<void>;
  startBroker(): Promise<void>;
}

interface World {
  readonly stack: Stack;
  readonly provider: ScriptedOauth;
  readonly targets: readonly [Target, ...Target[]];
  readonly connections: readonly SeededConnection[];
  close(): Promise<void>;
}

/** Of so many connections one has tokens that are refreshed meanwhile. */
const oauthShare = 20;
const purposes = ['cred', 'provider', 'flow'];

export async function rotateKeys(options: RotationOptions): Promise<RotationReport> {
  const { kills, onProgress = () => undefined } = options;
  const random = createSeededRandom(options.seed);
  const world = await startWorld(options);
  const counts = new Map<string, number>([['connections', world.connections.length]]);
  const { targets, connections } = world;
  const reads = new SteadyReads({ targets, connections, perSecond: options.readsPerSecond, random });
  try {
    onProgress(`${connections.length} connections are seeded`);
    const startedAt = performance.now();
    reads.start();
    const refresher = new Refresher(world, random);
    refresher.start();
    await replaceKek(world);
    onProgress('the key-encryption key is replaced');
    const old = await rotate(world);
    const rotatedAt = performance.now();
    for (let kill = 1; kill <= kills; kill++) {
      await sleep(300 + random.below(1_500));
      // Each kill must hit a re-sealing under way, however fast it was.
      if ((await countLeft(world, old)) === 0) old.push(...(await rotate(world)));
      const left = await killOne(world, random, old);
      onProgress(`kill ${kill} of ${kills}, ${left} values to go: ${reads.violations.length} violations`);
    }
    const patienceMs = 120_000 + (connections.length / options.rowsPerSecond) * 2_000;
    await waitFor('re-sealing is done', () => isDone(world, old), patienceMs);
    counts.set('seconds of re-sealing, kills included', Math.round((performance.now() - rotatedAt) / 1_000));
    await refresher.stop();
    await reads.stop();
    counts.set('seconds under load', Math.round((performance.now() - startedAt) / 1_000));
    counts.set('refreshes answered', refresher.answered).set('kills', kills).set('data keys replaced', old.length);
    for (const [what, count] of Object.entries(reads.counts)) counts.set(`reads ${what}`, count);
    const violations = [...reads.violations, ...(await examineRotation({ ...world, old, reads, counts }))];
    return { violations, counts };
  } finally {
    await reads.stop();
    await world.close();
  }
}

async function startWorld(options: RotationOptions): Promise<World> {
  const brokerEnv = {
    LOG_LEVEL: 'warn',
    RESEAL_ROWS_PER_SECOND: String(options.rowsPerSecond),
    BACKUP_RETENTION_DAYS: '0',
  };
  const stack = await startStack({ engine: options.engine, brokerEnv, gatewayEnv: { LOG_LEVEL: 'warn' } });
  const replicas: Replica[] = [];
  for (let index = 1; index < options.replicas; index++) replicas.push(await startReplica(stack, { brokerEnv }));
  const toTarget = (place: Omit<Target, 'name' | 'isUp' | 'kills'>, index: number): Target => ({
    name: `replica ${index}`,
    isUp: true,
    kills: 0,
    gateway: (...request) => place.gateway(...request),
    broker: (...request) => place.broker(...request),
    killBroker: () => place.killBroker(),
    startBroker: () => place.startBroker(),
  });
  await registerStaticProvider(stack);
  const { connection_ref, state } = await requestConnection(stack, { provider_name: 'acme-key' });
  await stack.gateway('POST', '/v1/capture-credential', { body: { state, credentials: { api_key: 'template' } } });
  const provider = await registerScriptedOauth(stack, { ttl: 86_400 });
  const template = await connectScripted(stack, provider, 'template');
  const oauth = Math.ceil(options.connections / oauthShare);
  const connections = [
    ...(await seedConnections(stack, connection_ref, options.connections - oauth)),
    ...(await seedConnections(stack, template.connection_ref, oauth)),
  ];
  return {
    stack,
    provider,
    targets: [toTarget(stack, 0), ...replicas.map((replica, index) => toTarget(replica, index + 1))],
    connections,
    async close() {
      await Promise.all(replicas.map((replica) => replica.close()));
      await stack.close();
      await provider.close();
    },
  };
}

function findUp({ targets }: World): Target {
  return targets.find(({ isUp }) => isUp) ?? targets[0];
}

/** A replica that was killed shortly before still counts as live, so a step may have to be repeated. */
async function persist(world: World, path: string, body?: unknown): Promise<Answer> {
  return waitFor(
    `${path} is answered`,
    async () => {
      const answer = await postVault(findUp(world), path, body);
      if (answer.status < 300) return answer;
      if (answer.body.code === 'replicas_behind') return null;
      throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    },
    60_000,
  );
}

async function replaceKek(world: World): Promise<void> {
  const broker = findUp(world);
  const [before] = (await readRing(broker)).keks;
  await addKeyLine(join(world.stack.dataDir, 'kek.key'), 'kek-next');
  const added = await takeStep(broker, 'keks', { id: 'kek-next' });
  if (added !== '201') throw new Error(`the key was not added: ${added}`);
  await persist(world, 'keks/kek-next/promote');
  await persist(world, `keks/${before?.id}/retire`);
}

/** Returns the ids of the keys that were replaced. */
async function rotate(world: World): Promise<number[]> {
  const { keys } = await readRing(findUp(world));
  await persist(world, 'rotate', { purposes });
  return keys.filter(({ state, purpose }) => state === 'active' && purposes.includes(purpose)).map(({ id }) => id);
}

async function countLeft(world: World, old: readonly number[]): Promise<number> {
  const { keys } = await readRing(findUp(world));
  return keys.filter(({ id }) => old.includes(id)).reduce((sum, { rows }) => sum + (rows ?? 0), 0);
}

async function isDone(world: World, old: readonly number[]): Promise<true | null> {
  const { resealing } = await readRing(findUp(world));
  const isFinished = old.every((id) => {
    const own = resealing.filter(({ key_id }) => key_id === id);
    return own.length > 0 && own.every(({ finished_at }) => finished_at !== null);
  });
  return isFinished && (await countLeft(world, old)) === 0 ? true : null;
}

/** Returns how many values were to be re-sealed when it was killed. */
async function killOne(world: World, random: SeededRandom, old: readonly number[]): Promise<number> {
  const target = random.pick(world.targets);
  const left = await countLeft(world, old);
  target.isUp = false;
  target.kills += 1;
  await target.killBroker();
  await target.startBroker();
  target.isUp = true;
  return left;
}

/** Refreshes tokens of random connections, so that newer credentials come in between. */
class Refresher {
  readonly #world: World;
  readonly #random: SeededRandom;
  answered = 0;
  #isStopping = false;
  #loop: Promise<void> | null = null;

  constructor(world: World, random: SeededRandom) {
    this.#world = world;
    this.#random = random;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    const oauth = this.#world.connections.filter(({ kind }) => kind === 'oauth');
    while (!this.#isStopping) {
      const target = this.#random.pick(this.#world.targets);
      const connection = oauth[this.#random.below(oauth.length)];
      if (target.isUp && connection !== undefined) {
        const answer = await target.gateway('POST', `/v1/refresh/${connection.id}`).catch(() => null);
        if (answer?.status === 200) this.answered += 1;
      }
      await sleep(50);
    }
  }
}
