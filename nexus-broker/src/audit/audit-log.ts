/**
 * Writes the audit log. A change's entry is built here and inserted by the service inside its own transaction; the entry
 * of a disclosure is committed by this class before the secret may leave, many waiting disclosures sharing one commit.
 */
import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { UlidSequence } from '@nexus/core/ids';
import type { Vault } from '@nexus/vault/vault';
import { type AuditEntry, type AuditEvent, type AuditOrigin, createAuditEntry } from '../domain/audit-event.js';
import type { Flow } from '../domain/authorization-flow.js';
import { systemOrigin } from '../domain/request-context.js';
import type { Database } from '../stores/database.js';
import type { AppendOnlyFile } from './append-only-file.js';
import { EventAggregator } from './event-aggregator.js';

interface AuditLogDeps {
  readonly database: Database;
  readonly vault: Vault;
  /** The database's time. */
  readonly clock: Clock;
  /** Gets every entry that is disclosed before its secret leaves. */
  readonly file?: AppendOnlyFile | null;
  readonly onError: (error: unknown) => void;
}

interface Waiting {
  readonly entry: AuditEntry;
  readonly sinceMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How long the first of several concurrent disclosures waits for company. */
const groupingMs = 1;
/** Keeps one transaction short, so that other writers get their turn. */
const maxGroup = 500;
/** Entries of one kind that the flows of an anonymous source get in a minute before they are only counted. */
const flowAllowance = 30;
/** A commit that failed, as on a full disk, counts against readiness this long; only another one can prove it wrong. */
const failureMemoryMs = 5_000;

/**
 * An entry that could not be written for so long is not written any more: the sealer does not look back for ever, and
 * nobody waits for the answer.
 */
const maxWaitMs = 30_000;

export class AuditLog {
  readonly #deps: AuditLogDeps;
  readonly #aggregator: EventAggregator;
  readonly #ids = new UlidSequence();
  #waiting: Waiting[] = [];
  #writing: Promise<void> | null = null;
  #failedAt: number | null = null;

  constructor(deps: AuditLogDeps) {
    this.#deps = deps;
    this.#aggregator = new EventAggregator(deps.clock, (event, origin) => {
      this.disclose(event, origin).catch(deps.onError);
    });
  }

  entry(event: AuditEvent, origin: AuditOrigin): AuditEntry {
    const now = this.#deps.clock.now();
    return createAuditEntry(event, origin, {
      // Entries of one transaction fall into one millisecond; their order is still the order of what happened.
      id: this.#ids.next(now),
      createdAt: toInstant(now),
      mac: (entryHash) => this.#deps.vault.mac(entryHash),
    });
  }

  /**
   * Resolves once the entry is durable.
   *
   * @throws NexusError `audit_unavailable` when it could not be committed; nothing may be disclosed then.
   */
  disclose(event: AuditEvent, origin: AuditOrigin): Promise<void> {
    const entry = this.entry(event, origin);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, sinceMs: performance.now(), resolve, reject });
      this.#writing ??= this.#writeGroups();
    });
  }

  /**
   * Whether an event without an authenticated principal gets its own entry: the first of its type, source and minute
   * does, the rest are counted and written as one entry when the minute is over.
   */
  admit(event: AuditEvent, origin: AuditOrigin): boolean {
    return this.#aggregator.admit(event, origin, 1);
  }

  /**
   * The entries of a step of a flow: one, or none where neither the flow nor the step has a key behind it and this source
   * has had its allowance for the minute; such steps are then counted.
   */
  entriesOfFlow(flow: Pick<Flow, 'requestedBy'>, event: AuditEvent, origin: AuditOrigin): readonly AuditEntry[] {
    const isAnonymous = flow.requestedBy === null && origin.actor.type === 'anonymous';
    if (isAnonymous && !this.#aggregator.admit(event, origin, flowAllowance)) return [];
    return [this.entry(event, origin)];
  }

  /** Records an event nobody waits for, aggregated when no key stands behind it. */
  async note(event: AuditEvent, origin: AuditOrigin): Promise<void> {
    if (origin.actor.type === 'anonymous' && !this.admit(event, origin)) return;
    await this.disclose(event, origin).catch(this.#deps.onError);
  }

  /**
   * Whether entries get through: an insert is tried and undone, and the last commit must not have failed just now.
   * Writes nothing.
   */
  async isWritable(): Promise<boolean> {
    const { clock, database } = this.#deps;
    if (this.#failedAt !== null && clock.now() - this.#failedAt < failureMemoryMs) return false;
    if (this.#deps.file?.isInPlace() === false) return false;
    const trial = this.entry({ eventType: 'service.started', outcome: 'success' }, systemOrigin('readiness'));
    const undo = new Error('a trial is undone');
    try {
      await database.transaction(async (stores) => {
        await stores.audit.insert([trial]);
        throw undo;
      });
    } catch (error) {
      return error === undo;
    }
    return false;
  }

  /** Writes what is still counted or waiting; called at shutdown. */
  async close(): Promise<void> {
    this.#aggregator.close();
    while (this.#writing !== null) await this.#writing;
  }

  async #writeGroups(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, groupingMs));
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, maxGroup);
      const earliestMs = performance.now() - maxWaitMs;
      const late = group.filter(({ sinceMs }) => sinceMs < earliestMs);
      if (late.length > 0) refuse(late, new Error('The entry waited too long to be written.'));
      const fit = group.filter(({ sinceMs }) => sinceMs >= earliestMs);
      if (fit.length > 0) await this.#writeGroup(fit);
    }
    this.#writing = null;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const entries = group.map((waiting) => waiting.entry);
    try {
      await this.#deps.database.transaction((stores) => stores.audit.insert(entries));
      await this.#deps.file?.append(entries.map(({ entry }) => `${entry}\n`).join(''));
      this.#failedAt = null;
      for (const waiting of group) waiting.resolve();
    } catch (error) {
      this.#failedAt = this.#deps.clock.now();
      refuse(group, error);
    }
  }
}

function refuse(group: readonly Waiting[], cause: unknown): void {
  const refusal = new NexusError(
    'audit_unavailable',
    'The audit log cannot be written, so nothing is disclosed; try again shortly.',
    { cause },
  );
  for (const waiting of group) waiting.reject(refusal);
}
