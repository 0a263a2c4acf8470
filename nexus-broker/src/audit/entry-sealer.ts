/** Takes committed entries that no link names yet, in the order of time, and adds those that are ours to the chain. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type Clock, type Instant, toEpochMs, toInstant } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import type { AuditEntry } from '../domain/audit-event.js';
import type { EntryPosition } from '../stores/audit-query.js';
import type { UnsealedBounds, UnsealedSlice } from '../stores/audit-store.js';
import type { Database } from '../stores/database.js';
import type { ChainPosition } from './chain-position.js';
import { type EntryFault, findEntryFault } from './check-entry.js';

interface EntrySealerDeps {
  readonly database: Database;
  readonly vault: Pick<Vault, 'mac' | 'knows' | 'learn'>;
  /** The database's time. */
  readonly clock: Clock;
  readonly position: ChainPosition;
  /** Told once of an entry that is not sealed. */
  readonly onRefused: (id: string, fault: EntryFault) => void;
}

/** Entries of one transaction: on SQLite each step with them holds up everything else, for some two milliseconds. */
const batchSize = 250;
/** Refused entries that are told apart; whoever floods the table with more is noticed all the same. */
const maxRefused = 10_000;
/** A key that another Broker uses already is looked for no more often: forged rows may name any key. */
const learnEveryMs = 10_000;
/** Entries of Brokers are not dated further ahead than the clocks of two of them differ; rows beyond it wait. */
const aheadMs = 150_000;
/** Entries that a step of the scan looks at, while everything else on SQLite waits. */
const scannedPerStep = 500;

export class EntrySealer {
  readonly #deps: EntrySealerDeps;
  /** Why each is not sealed, by its id. */
  readonly #refused = new Map<string, EntryFault>();
  /** The oldest entry of a step of the scan that could not be sealed yet. */
  #straggler: AuditEntry | null = null;
  #learnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: EntrySealerDeps) {
    this.#deps = deps;
  }

  /** Entries found so far that no audit key vouches for. */
  get refused(): number {
    return this.#refused.size;
  }

  /**
   * Seals what was made since the newest sealed entry, and up to `windowMs` before it, as long as `goOn` says so. An
   * entry may be committed some time after its own. Returns whether it came to the end.
   *
   * @throws ChainFault, or what the database throws.
   */
  async seal(windowMs: number, goOn: () => Promise<boolean>): Promise<boolean> {
    const { database, position } = this.#deps;
    await position.follow();
    const { seq, createdAt } = position.end;
    let from = seq === 0 ? null : this.#findStart(createdAt, windowMs);
    const bounds = this.#findBounds();
    do {
      const slice = await database.stores.audit.listUnsealed(from, batchSize, bounds);
      await yieldToOthers();
      const entries = await this.#select(slice.entries);
      await yieldToOthers();
      if (entries.length === 0 || (await position.append(entries))) from = slice.next;
      else await position.follow();
      await yieldToOthers();
    } while (from !== null && (await goOn()));
    return from === null;
  }

  /**
   * A step through the whole log, which seals what no window reaches: a Broker may have written it by a clock that was
   * behind. Returns where to go on, null at the end.
   *
   * @throws ChainFault, or what the database throws.
   */
  async scan(from: EntryPosition | null): Promise<EntryPosition | null> {
    const { database, position } = this.#deps;
    await position.follow();
    const slice = await database.stores.audit.listUnsealed(from, batchSize, { scanned: scannedPerStep });
    const entries = await this.#select(slice.entries, { isEach: true });
    const [oldest] = entries;
    if (oldest === undefined) return slice.next;
    this.#straggler = oldest;
    if (!(await position.append(entries))) return from;
    this.#straggler = null;
    return slice.next;
  }

  /**
   * When the oldest entry was made that waits to be sealed, as far back as `windowMs` before the newest sealed one, or
   * further where a scan has found it.
   */
  async findOldestWaiting(windowMs: number): Promise<Instant | null> {
    const { audit, auditChain } = this.#deps.database.stores;
    if (this.#straggler !== null) {
      const { entries } = await audit.listUnsealed(this.#straggler, 1, { scanned: 1 });
      const [straggler] = entries;
      if (straggler !== undefined) return straggler.createdAt;
      this.#straggler = null;
    }
    const head = await auditChain.head();
    const [newest] = head === null ? [] : await auditChain.list({ from: head.seq, to: head.seq, limit: 1 });
    let from = head === null ? null : this.#findStart(newest?.entry?.createdAt ?? null, windowMs);
    const bounds = this.#findBounds();
    do {
      const slice: UnsealedSlice = await audit.listUnsealed(from, batchSize, bounds);
      const [oldest] = await this.#select(slice.entries);
      if (oldest !== undefined) return oldest.createdAt;
      from = slice.next;
      await yieldToOthers();
    } while (from !== null);
    return null;
  }

  /** The newest sealed entry may be ahead of the clock, if the database's clock was set back since. */
  #findStart(createdAt: Instant | null, windowMs: number): EntryPosition {
    const now = this.#deps.clock.now();
    const newestMs = createdAt === null ? now : Math.min(toEpochMs(createdAt), now);
    return { createdAt: toInstant(newestMs - windowMs), id: '' };
  }

  #findBounds(): UnsealedBounds {
    return { until: toInstant(this.#deps.clock.now() + aheadMs) };
  }

  /** Those of ours. One that was refused is looked at again once its key is known, or where `isEach` says so. */
  async #select(entries: readonly AuditEntry[], { isEach = false } = {}): Promise<AuditEntry[]> {
    const { vault } = this.#deps;
    const stranger = entries.find(({ macKey }) => !vault.knows(macKey));
    if (stranger !== undefined && performance.now() - this.#learnedAtMs > learnEveryMs) {
      this.#learnedAtMs = performance.now();
      await vault.learn(stranger.macKey).catch(() => false);
    }
    const selected: AuditEntry[] = [];
    for (const entry of entries) {
      const known = this.#refused.get(entry.id);
      if (!isEach && known !== undefined && (known !== 'unknown key' || !vault.knows(entry.macKey))) continue;
      const fault = findEntryFault(vault, entry);
      if (fault === null) {
        selected.push(entry);
        this.#refused.delete(entry.id);
      } else if (known !== undefined || this.#refused.size < maxRefused) {
        this.#refused.set(entry.id, fault);
        if (known === undefined) this.#deps.onRefused(entry.id, fault);
      }
    }
    return selected;
  }
}
