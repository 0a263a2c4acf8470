/** Pages of the log by what entries are about, read in steps, so that a filter that hits little holds up nobody. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Instant } from '@nexus/core/clock';
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { AuditEntry, AuditEventType, AuditOutcome } from '../domain/audit-event.js';
import { toEntry } from './audit-row.js';
import type { Schema } from './schema.js';
import type { StoreContext } from './store-context.js';

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

export type EventFilter = (event: ExpressionBuilder<Schema, 'audit_event'>) => Expression<SqlBool>;

type Newest = AuditFilter & { readonly cursor?: EntryPosition | undefined };
type Time = Pick<AuditFilter, 'since' | 'until'>;
type Sealed = AuditFilter & { readonly afterSeq?: number | undefined };

/** Entries that one statement looks at: on SQLite it holds up everything else, for some milliseconds. */
const scannedPerStep = 2_000;

// Whoever owns the database may have given an entry two links; the log must still be readable.
export const sequenceValue = sql<number | null>`(select seq from audit_chain where event_id = audit_event.id limit 1)`;
const sequenceOf = sequenceValue.as('seq');

/** The newest first; `cursor` is the last entry of the page before. */
export async function listNewest(context: StoreContext, filter: Newest): Promise<NumberedEntry[]> {
  const found: NumberedEntry[] = [];
  let before = filter.cursor ?? null;
  for (;;) {
    // Without a condition that has no index each entry is a hit, and the limit ends the page.
    const end: EntryPosition | null = isSelective(filter) ? await findStepBack(context, filter, before) : null;
    const rows = await context.db
      .selectFrom('audit_event')
      .selectAll('audit_event')
      .select(sequenceOf)
      .where(matches(filter))
      .where(isBefore(before))
      .where(isAtOrAfter(end))
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(filter.limit - found.length)
      .execute();
    found.push(...rows.map((row) => ({ entry: toEntry(row), seq: row.seq })));
    if (end === null || found.length >= filter.limit) return found;
    before = end;
    await yieldToOthers();
  }
}

/** The last entry of a step back in time; null when the step takes in the oldest. */
async function findStepBack(
  { db }: StoreContext,
  { connectionRef, since, until }: AuditFilter,
  before: EntryPosition | null,
): Promise<EntryPosition | null> {
  const row = await db
    .selectFrom('audit_event')
    .select(['created_at', 'id'])
    .where(matches({ connectionRef, since, until }))
    .where(isBefore(before))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .offset(scannedPerStep - 1)
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : { createdAt: row.created_at, id: row.id };
}

/** Sealed entries by their number; `afterSeq` is that of the last one of the page before. */
export async function listSealed(context: StoreContext, filter: Sealed): Promise<NumberedEntry[]> {
  const isEach = !isSelective(filter) && filter.since === undefined && filter.until === undefined;
  // The entries of one connection are found by an index.
  if (isEach || filter.connectionRef !== undefined) return readSealed(context, filter, null);
  const range = await findRange(context, filter);
  const found: NumberedEntry[] = [];
  for (let after = range.after; after < range.last && found.length < filter.limit; after += scannedPerStep) {
    const step = { ...filter, afterSeq: after, limit: filter.limit - found.length };
    found.push(...(await readSealed(context, step, after + scannedPerStep)));
    await yieldToOthers();
  }
  return found;
}

async function readSealed({ db }: StoreContext, filter: Sealed, last: number | null): Promise<NumberedEntry[]> {
  const links = db.selectFrom('audit_chain');
  // SQLite keeps to the order of a cross join: by number, as far as the step goes, whatever other index there is.
  const joined =
    filter.connectionRef === undefined
      ? links.crossJoin('audit_event').whereRef('audit_event.id', '=', 'audit_chain.event_id')
      : links.innerJoin('audit_event', 'audit_event.id', 'audit_chain.event_id');
  let query = joined
    .selectAll('audit_event')
    .select('audit_chain.seq')
    .where(matches(filter) as never)
    .where('audit_chain.seq', '>', filter.afterSeq ?? 0)
    .orderBy('audit_chain.seq');
  if (last !== null) query = query.where('audit_chain.seq', '<=', last);
  const rows = await query.limit(filter.limit).execute();
  return rows.map((row) => ({ entry: toEntry(row), seq: row.seq }));
}

/** Numbers between which every hit stands. */
async function findRange(
  context: StoreContext,
  { afterSeq, since, until }: Sealed,
): Promise<{ readonly after: number; readonly last: number }> {
  const ends = await context.db
    .selectFrom('audit_chain')
    .select((chain) => [chain.fn.min('seq').as('first'), chain.fn.max('seq').as('last')])
    .executeTakeFirstOrThrow();
  const last = Number(ends.last ?? 0);
  if (afterSeq !== undefined) return { after: Math.max(afterSeq, Number(ends.first ?? 0) - 1), last };
  const first = since === undefined ? Number(ends.first ?? 0) : await findFirst(context, { since, until });
  return first === null ? { after: last, last } : { after: first - 1, last };
}

/**
 * The lowest number of an entry of this time, so that a page of a long log does not begin with all before it. Each is
 * looked at, since one that was committed late was sealed after newer ones.
 */
async function findFirst(context: StoreContext, time: Time): Promise<number | null> {
  let first: number | null = null;
  let from: EntryPosition | null = null;
  do {
    const end = await findStepAhead(context, time, from);
    const row = await context.db
      .selectFrom('audit_event')
      .select(sql<number | null>`min(${sequenceValue})`.as('lowest'))
      .where(matches(time))
      .where(isAtOrAfter(from))
      .where(isBefore(end))
      .executeTakeFirst();
    const lowest = row?.lowest ?? null;
    if (lowest !== null) first = Math.min(first ?? lowest, lowest);
    from = end;
    await yieldToOthers();
  } while (from !== null);
  return first;
}

/** Where the next step begins; null when this one takes in the newest entry. */
async function findStepAhead(
  { db }: StoreContext,
  time: Time,
  from: EntryPosition | null,
): Promise<EntryPosition | null> {
  const row = await db
    .selectFrom('audit_event')
    .select(['created_at', 'id'])
    .where(matches(time))
    .where(isAtOrAfter(from))
    .orderBy('created_at')
    .orderBy('id')
    .offset(scannedPerStep)
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : { createdAt: row.created_at, id: row.id };
}

export function isAtOrAfter(from: EntryPosition | null): EventFilter {
  return (event) => {
    if (from === null) return event.lit(true);
    const { createdAt, id } = from;
    return event.and([
      event('created_at', '>=', createdAt),
      event.or([event('created_at', '>', createdAt), event('id', '>=', id)]),
    ]);
  };
}

function isBefore(end: EntryPosition | null): EventFilter {
  return (event) => {
    if (end === null) return event.lit(true);
    const { createdAt, id } = end;
    return event.and([
      event('created_at', '<=', createdAt),
      event.or([event('created_at', '<', createdAt), event('id', '<', id)]),
    ]);
  };
}

/** Whether it has a condition that no index helps with. */
function isSelective({ eventTypes = [], resourceId, agentId, actor, workspaceId, outcome }: AuditFilter): boolean {
  const exact = [resourceId, agentId, actor, workspaceId, outcome];
  return eventTypes.length > 0 || exact.some((value) => value !== undefined);
}

function matches(filter: Omit<AuditFilter, 'limit'>): EventFilter {
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
