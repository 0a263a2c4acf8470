import type { Instant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { AuditEntry } from '../domain/audit-event.js';
import {
  type AuditFilter,
  type EntryPosition,
  type EventFilter,
  isAtOrAfter,
  listNewest,
  listSealed,
  sequenceValue,
} from './audit-query.js';
import { auditColumns, toEntry, toRow } from './audit-row.js';
import type { StoreContext } from './store-context.js';

export interface UnsealedSlice {
  readonly entries: readonly AuditEntry[];
  /** Where the next slice begins; null when this one reaches the newest entry. */
  readonly next: EntryPosition | null;
}

export interface UnsealedBounds {
  /** Included. */
  readonly until?: Instant;
  /** How many entries one call looks at. */
  readonly scanned?: number;
}

/** 13 values each; SQLite takes 32,766 in a statement and PostgreSQL 65,535. */
const entriesPerStatement = 500;
/** Entries one statement looks at: on SQLite it holds up everything else, for some milliseconds. */
const scannedPerSlice = 5_000;

export function createAuditStore(context: StoreContext) {
  const { db, compiled } = context;
  return {
    /** @throws NexusError `audit_unavailable`, whatever the reason: what the entries are about must not happen then. */
    async insert(entries: readonly AuditEntry[]): Promise<void> {
      for (let start = 0; start < entries.length; start += entriesPerStatement) {
        const rows = entries.slice(start, start + entriesPerStatement).map(toRow);
        const values = rows.flatMap((row) => auditColumns.map((column) => row[column]));
        const build = () =>
          db
            .insertInto('audit_event')
            .columns([...auditColumns])
            .values(rows);
        try {
          await db.executeQuery(compiled.get(`${rows.length} audit events`, build, values));
        } catch (cause) {
          throw unavailable(cause);
        }
      }
    },

    /** Whether one of these entries was committed: what an unanswered commit came to. */
    async hasAny(ids: readonly string[]): Promise<boolean> {
      const row = await db.selectFrom('audit_event').select('id').where('id', 'in', ids).limit(1).executeTakeFirst();
      return row !== undefined;
    },

    /** The newest first; `cursor` is the last entry of the page before. */
    list: (filter: AuditFilter & { readonly cursor?: EntryPosition | undefined }) => listNewest(context, filter),

    /** Sealed entries by their number; `afterSeq` is that of the last one of the page before. */
    listSealed: (filter: AuditFilter & { readonly afterSeq?: number | undefined }) => listSealed(context, filter),

    /**
     * Entries no link of the chain names, in order of time and id, at most `limit`, from `from` on or from the first.
     * One call looks at some thousand entries at most, or at `scanned`; at none that was made after `until`.
     */
    listUnsealed: (from: EntryPosition | null, limit: number, bounds: UnsealedBounds = {}) =>
      listUnsealed(context, from, limit, bounds),
  };
}

async function listUnsealed(
  { db }: StoreContext,
  from: EntryPosition | null,
  limit: number,
  { until, scanned = scannedPerSlice }: UnsealedBounds,
): Promise<UnsealedSlice> {
  const start: EventFilter = (event) => {
    const isAfter = isAtOrAfter(from)(event);
    return until === undefined ? isAfter : event.and([isAfter, event('created_at', '<=', until)]);
  };
  const end = await db
    .selectFrom('audit_event')
    .select(['created_at', 'id'])
    .where(start)
    .orderBy('created_at')
    .orderBy('id')
    .offset(scanned)
    .limit(1)
    .executeTakeFirst();
  let query = db
    .selectFrom('audit_event')
    .selectAll()
    .where(start)
    // As a value, not as a join: so it is a look-up of each entry's id, whatever the planner knows of the tables.
    .where(sequenceValue, 'is', null)
    .orderBy('created_at')
    .orderBy('id');
  if (end !== undefined) {
    query = query
      .where('created_at', '<=', end.created_at)
      .where((event) => event.or([event('created_at', '<', end.created_at), event('id', '<', end.id)]));
  }
  const rows = await query.limit(limit + 1).execute();
  const entries = rows.slice(0, limit).map(toEntry);
  const further = rows[limit];
  if (further !== undefined) return { entries, next: { createdAt: further.created_at, id: further.id } };
  return { entries, next: end === undefined ? null : { createdAt: end.created_at, id: end.id } };
}

function unavailable(cause: unknown): NexusError {
  return new NexusError(
    'audit_unavailable',
    'The audit log cannot be written, so nothing is done; try again shortly.',
    {
      cause,
    },
  );
}
