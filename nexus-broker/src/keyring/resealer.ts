/**
 * Seals again, under the newest key, what is under a key that no longer seals: one Broker at a time, page by page, from
 * where the last one stopped, until nothing is left and no live replica seals with the old key any more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NexusError } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import type { ResealingProgress } from '../domain/key-rotation.js';
import { systemOrigin } from '../domain/request-context.js';
import { nameTarget, type SealedTarget, sealedTargets } from '../domain/sealed-targets.js';
import type { Stores } from '../stores/database.js';
import type { Fence } from './fence.js';
import { findBehind } from './replicas.js';
import { type ResealDeps, resealPage } from './reseal-page.js';

export interface ResealerDeps extends ResealDeps {
  readonly fence: Fence;
  readonly rowsPerSecond: number;
}

interface Task {
  readonly key: KeyRingRow;
  readonly target: SealedTarget;
}

const pageSize = 200;
const leaseSeconds = 10;
/** Columns that were done are looked at again after this long: a replica may have been asleep while it sealed. */
const recheckMs = 60_000;

class LeaseLost extends Error {}

export class Resealer {
  readonly #deps: ResealerDeps;
  readonly #closing = new AbortController();
  readonly #checkedAt = new Map<string, number>();

  constructor(deps: ResealerDeps) {
    this.#deps = deps;
  }

  /** Does what is to be done, or nothing while another Broker does it. */
  async run(): Promise<void> {
    const tasks = await this.#listTasks();
    if (tasks.length === 0 || this.#closing.signal.aborted) return;
    const { database, fence } = this.#deps;
    if (!(await database.transaction((stores) => this.#acquire(stores)))) return;
    try {
      for (const task of tasks) await this.#reseal(task);
    } catch (error) {
      if (!(error instanceof LeaseLost) && !isBusy(error)) throw error;
    } finally {
      await database.transaction((stores) => stores.jobLeases.release('resealing', fence.instanceId));
    }
  }

  /** Ends a pause and starts no further page. */
  close(): void {
    this.#closing.abort();
  }

  async #listTasks(): Promise<readonly Task[]> {
    const { stores } = this.#deps.database;
    const keys = (await stores.keyRing.list()).filter(isReplaced);
    if (keys.length === 0) return [];
    const progress = await stores.resealing.list();
    const tasks: Task[] = [];
    for (const key of keys) {
      for (const target of sealedTargets.filter(({ purpose }) => purpose === key.purpose)) {
        const done = progress.find((one) => one.keyId === key.id && one.target === nameTarget(target));
        const isDone = done !== undefined && done.finishedAt !== null;
        if (!isDone || (await this.#hasMore({ key, target }, done))) tasks.push({ key, target });
      }
    }
    return tasks;
  }

  /** Whether a column that was done has values again that were not there. */
  async #hasMore({ key, target }: Task, done: ResealingProgress): Promise<boolean> {
    const name = nameTask({ key, target });
    const checkedAt = this.#checkedAt.get(name);
    if (checkedAt !== undefined && performance.now() - checkedAt < recheckMs) return false;
    this.#checkedAt.set(name, performance.now());
    return (await this.#deps.database.stores.sealedBlobs.countUnder(target, key.id)) > done.failed;
  }

  async #reseal(task: Task): Promise<void> {
    const { database, fence, vault } = this.#deps;
    const { key, target } = task;
    if (vault.sealingKeys()[target.purpose] === key.id) await fence.beat();
    // A ring that cannot be followed; the fence has reported why.
    if (vault.sealingKeys()[target.purpose] === key.id) return;
    let progress = await this.#findProgress(task);
    if (progress === null || progress.finishedAt !== null) progress = await this.#begin(task);
    await this.#resealFrom(task, progress.cursor);
    if (this.#closing.signal.aborted) return;
    const failed = (await this.#findProgress(task))?.failed ?? 0;
    const remaining = await database.stores.sealedBlobs.countUnder(target, key.id);
    const behind = await findBehind(database.stores, {
      isMet: ({ sealingKeys }) => sealingKeys[target.purpose] !== key.id,
      lack: '',
    });
    if (remaining > failed) await this.#begin(task);
    else if (behind.length === 0) {
      await database.transaction((stores) => stores.resealing.finish({ keyId: key.id, target: nameTarget(target) }));
    }
  }

  /** To the last row that is there. */
  async #resealFrom(task: Task, cursor: string): Promise<void> {
    const { database, rowsPerSecond } = this.#deps;
    const { key, target } = task;
    const isLimited = key.state !== 'compromised';
    const limit = isLimited ? Math.min(pageSize, rowsPerSecond) : pageSize;
    const origin = systemOrigin(createUlid(this.#deps.clock.now()));
    const renewLease = async (stores: Stores): Promise<void> => {
      if (!(await this.#acquire(stores))) throw new LeaseLost();
    };
    let after = cursor;
    while (!this.#closing.signal.aborted) {
      const startedAt = performance.now();
      const rows = await database.stores.sealedBlobs.listUnder(target, { keyId: key.id, after, limit });
      if (rows.length === 0) return;
      after = await resealPage(this.#deps, { key, target, origin, renewLease }, rows);
      if (isLimited) await this.#pause((rows.length / rowsPerSecond) * 1_000 - (performance.now() - startedAt));
    }
  }

  async #begin({ key, target }: Task): Promise<ResealingProgress> {
    const subject = { keyId: key.id, target: nameTarget(target) };
    await this.#deps.database.transaction((stores) => stores.resealing.begin(subject));
    const progress = await this.#findProgress({ key, target });
    if (progress === null) throw new Error('the progress of re-sealing was not stored');
    return progress;
  }

  async #findProgress({ key, target }: Task): Promise<ResealingProgress | null> {
    const all = await this.#deps.database.stores.resealing.list();
    return all.find((one) => one.keyId === key.id && one.target === nameTarget(target)) ?? null;
  }

  #acquire(stores: Stores): Promise<boolean> {
    const owner = this.#deps.fence.instanceId;
    return stores.jobLeases.acquire({ name: 'resealing', owner, seconds: leaseSeconds });
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}

function isReplaced({ state }: KeyRingRow): boolean {
  return state === 'decrypt-only' || state === 'compromised' || state === 'deactivated';
}

function nameTask({ key, target }: Task): string {
  return `${key.id}/${nameTarget(target)}`;
}

/** Somebody held a row, or the database was away: the next run goes on from the last page. */
function isBusy(error: unknown): boolean {
  return error instanceof NexusError && error.code === 'broker_unavailable';
}
