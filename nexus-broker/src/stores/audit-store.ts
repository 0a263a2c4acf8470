import type { Instant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { AuditEntry, AuditEventType, AuditOutcome } from '../domain/audit-event.js';
import { auditColumns, toEntry, toRow } from './audit-row.js';
import type { Schema } from './schema.js';
import type { StoreContext } from './store-context.js';

export type AuditStore = ReturnType<typeof createAuditStore>;

export interface AuditFilter {
  /** Exact types, or `prefix.*`; none selects all. */
  readonly eventTypes?: readonly string[] | undefined;
  readonly connectionRef?: string | undefined;
  readonly resourceId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly actor?: string | undefined;
  readonly workspaceId?: string | undefined;
  readonly outcome?: AuditOutcome | undefined;
  /** Included. */
  readonly since?: Instant | undefined;
  /** Not included. */
  readonly until?: Instant | undefined;
  readonly limit: number;
}

/** Where an entry stands in the order of time. */
export interface EntryPosition {
  readonly createdAt: Instant;
  readonly id: string;
}

/** An entry and its number in the chain; null until it is sealed. */
export interface NumberedEntry {
  readonly entry: AuditEntry;
  readonly seq: number | null;
}

export interface UnsealedSlice {
  readonly entries: readonly AuditEntry[];
  /** Where the next slice begins; null when this one reaches the newest entry. */
  readonly next: EntryPosition | null;
}

/** 13 values each; SQLite takes 32,766 in a statement and PostgreSQL 65,535. */
const entriesPerStatement = 500;
/** Entries one statement looks at: on SQLite it holds up everything else, for some milliseconds. */
const scannedPerSlice = 5_000;
/**
 * Of two entries the one made this much later is sealed later, whatever transaction was slow: the sealer looks back no
 * further.
 */
const sealingDisorderMs = 150_000;
/** Entries beside a time in which one that is sealed is looked for; all but a few are. */
const neighbours = 100;

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

    /** The newest first; `cursor` is the last entry of the page before. */
    list: (filter: AuditFilter & { readonly cursor?: EntryPosition | undefined }) => list(context, filter),

    /** Sealed entries by their number; `afterSeq` is that of the last one of the page before. */
    listSealed: (filter: AuditFilter & { readonly afterSeq?: number | undefined }) => listSealed(context, filter),

    /**
     * Entries no link of the chain names, in order of time and id, at most `limit`, from `from` on or from the first.
     * One call looks at some thousand entries at most.
     */
    listUnsealed: (from: EntryPosition | null, limit: number) => listUnsealed(context, from, limit),
  };
}

type EventFilter = (event: ExpressionBuilder<Schema, 'audit_event'>) => Expression<SqlBool>;

async function list(
  { db }: StoreContext,
  filter: AuditFilter & { readonly cursor?: EntryPosition | undefined },
): Promise<NumberedEntry[]> {
  const { cursor } = filter;
  let query = db
    .selectFrom('audit_event')
    .selectAll('audit_event')
    .select(sequenceOf)
    .where(matches(filter))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc');
  if (cursor !== undefined) {
    query = query
      .where('created_at', '<=', cursor.createdAt)
      .where((event) => event.or([event('created_at', '<', cursor.createdAt), event('id', '<', cursor.id)]));
  }
  const rows = await query.limit(filter.limit).execute();
  return rows.map((row) => ({ entry: toEntry(row), seq: row.seq }));
}

async function listSealed(
  context: StoreContext,
  filter: AuditFilter & { readonly afterSeq?: number | undefined },
): Promise<NumberedEntry[]> {
  const { since, until } = filter;
  const first = since === undefined ? null : await findBound(context, 'before', since);
  const last = until === undefined ? null : await findBound(context, 'after', until);
  let query = context.db
    .selectFrom('audit_chain')
    .innerJoin('audit_event', 'audit_event.id', 'audit_chain.event_id')
    .selectAll('audit_event')
    .select('audit_chain.seq')
    .where(matches(filter) as never)
    .where('audit_chain.seq', '>', Math.max(filter.afterSeq ?? 0, first ?? 0))
    .orderBy('audit_chain.seq');
  if (last !== null) query = query.where('audit_chain.seq', '<', last);
  const rows = await query.limit(filter.limit).execute();
  return rows.map((row) => ({ entry: toEntry(row), seq: row.seq }));
}

/**
 * A sequence number beyond which nothing on that side of an instant can stand, so that a page of a long log does not
 * begin by reading everything before it; null when none is known.
 */
async function findBound({ db }: StoreContext, side: 'before' | 'after', at: Instant): Promise<number | null> {
  const isBefore = side === 'before';
  const edge = new Date(Date.parse(at) + (isBefore ? -sealingDisorderMs : sealingDisorderMs)).toISOString();
  const rows = await db
    .selectFrom('audit_event')
    .select(sequenceOf)
    .where('created_at', isBefore ? '<' : '>', edge)
    .orderBy('created_at', isBefore ? 'desc' : 'asc')
    .orderBy('id', isBefore ? 'desc' : 'asc')
    .limit(neighbours)
    .execute();
  return rows.find((row) => row.seq !== null)?.seq ?? null;
}

async function listUnsealed({ db }: StoreContext, from: EntryPosition | null, limit: number): Promise<UnsealedSlice> {
  const start = isAtOrAfter(from);
  const end = await db
    .selectFrom('audit_event')
    .select(['created_at', 'id'])
    .where(start)
    .orderBy('created_at')
    .orderBy('id')
    .offset(scannedPerSlice)
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

function isAtOrAfter(from: EntryPosition | null): EventFilter {
  return (event) => {
    if (from === null) return event.lit(true);
    const { createdAt, id } = from;
    return event.and([
      event('created_at', '>=', createdAt),
      event.or([event('created_at', '>', createdAt), event('id', '>=', id)]),
    ]);
  };
}

// Whoever owns the database may have given an entry two links; the log must still be readable.
const sequenceValue = sql<number | null>`(select seq from audit_chain where event_id = audit_event.id limit 1)`;
const sequenceOf = sequenceValue.as('seq');

function matches(filter: AuditFilter): EventFilter {
  const { eventTypes = [] } = filter;
  const exact = [
    ['connection_ref', filter.connectionRef],
    ['resource_id', filter.resourceId],
    ['agent_id', filter.agentId],
    ['actor_id', filter.actor],
    ['workspace_id', filter.workspaceId],
    ['outcome', filter.outcome],
  ] as const;
  return (event) => {
    const conditions: Expression<SqlBool>[] = [];
    for (const [column, value] of exact) {
      if (value !== undefined) conditions.push(event(column, '=', value));
    }
    if (filter.since !== undefined) conditions.push(event('created_at', '>=', filter.since));
    if (filter.until !== undefined) conditions.push(event('created_at', '<', filter.until));
    if (eventTypes.length > 0) conditions.push(event.or(eventTypes.map((type) => isOfType(event, type))));
    return event.and(conditions);
  };
}

function isOfType(event: ExpressionBuilder<Schema, 'audit_event'>, type: string): Expression<SqlBool> {
  const prefix = type.endsWith('.*') ? type.slice(0, -1) : null;
  if (prefix === null) return event('event_type', '=', type as AuditEventType);
  return event.and([
    event('event_type', '>=', prefix as AuditEventType),
    event('event_type', '<', `${prefix.slice(0, -1)}/` as AuditEventType),
  ]);
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
