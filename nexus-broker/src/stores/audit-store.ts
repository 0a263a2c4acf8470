import type { Instant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { Selectable } from 'kysely';
import type { AuditEntry, AuditEventType, AuditOutcome } from '../domain/audit-event.js';
import type { AuditEventTable } from './schema.js';
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
  readonly order: 'desc' | 'asc';
  /** The last entry of the page before. */
  readonly cursor?: { readonly createdAt: Instant; readonly id: string } | undefined;
}

/** 13 values each; SQLite takes 32,766 in a statement and PostgreSQL 65,535. */
const entriesPerStatement = 500;

export function createAuditStore(context: StoreContext) {
  const { db, compiled } = context;
  return {
    /** @throws NexusError `audit_unavailable`, whatever the reason: what the entries are about must not happen then. */
    async insert(entries: readonly AuditEntry[]): Promise<void> {
      for (let start = 0; start < entries.length; start += entriesPerStatement) {
        const rows = entries.slice(start, start + entriesPerStatement).map(toRow);
        const values = rows.flatMap((row) => columns.map((column) => row[column]));
        const build = () =>
          db
            .insertInto('audit_event')
            .columns([...columns])
            .values(rows);
        try {
          await db.executeQuery(compiled.get(`${rows.length} audit events`, build, values));
        } catch (cause) {
          throw unavailable(cause);
        }
      }
    },

    list: (filter: AuditFilter): Promise<AuditEntry[]> => list(context, filter),
  };
}

async function list({ db }: StoreContext, filter: AuditFilter): Promise<AuditEntry[]> {
  const { cursor, eventTypes, order } = filter;
  let query = db.selectFrom('audit_event').selectAll().orderBy('created_at', order).orderBy('id', order);
  const exact = [
    ['connection_ref', filter.connectionRef],
    ['resource_id', filter.resourceId],
    ['agent_id', filter.agentId],
    ['actor_id', filter.actor],
    ['workspace_id', filter.workspaceId],
    ['outcome', filter.outcome],
  ] as const;
  for (const [column, value] of exact) {
    if (value !== undefined) query = query.where(column, '=', value);
  }
  if (filter.since !== undefined) query = query.where('created_at', '>=', filter.since);
  if (filter.until !== undefined) query = query.where('created_at', '<', filter.until);
  if (eventTypes !== undefined && eventTypes.length > 0) {
    query = query.where((event) =>
      event.or(
        eventTypes.map((type) => {
          const prefix = type.endsWith('.*') ? type.slice(0, -1) : null;
          if (prefix === null) return event('event_type', '=', type as AuditEventType);
          return event.and([
            event('event_type', '>=', prefix as AuditEventType),
            event('event_type', '<', `${prefix.slice(0, -1)}/` as AuditEventType),
          ]);
        }),
      ),
    );
  }
  if (cursor !== undefined) {
    const beyond = order === 'asc' ? '>' : '<';
    query = query
      .where(`created_at`, `${beyond}=`, cursor.createdAt)
      .where((event) => event.or([event('created_at', beyond, cursor.createdAt), event('id', beyond, cursor.id)]));
  }
  const rows = await query.limit(filter.limit).execute();
  return rows.map(toEntry);
}

function toEntry(row: Selectable<AuditEventTable>): AuditEntry {
  return {
    id: row.id,
    createdAt: row.created_at,
    eventType: row.event_type,
    outcome: row.outcome,
    actorId: row.actor_id,
    connectionRef: row.connection_ref,
    resourceId: row.resource_id,
    agentId: row.agent_id,
    workspaceId: row.workspace_id,
    entry: row.entry,
    entryHash: row.entry_hash,
    mac: row.mac,
    macKey: row.mac_key,
  };
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

/** In the order of `toRow`, which is the order of a statement's parameters. */
const columns = [
  'id',
  'created_at',
  'event_type',
  'outcome',
  'actor_id',
  'connection_ref',
  'resource_id',
  'agent_id',
  'workspace_id',
  'entry',
  'entry_hash',
  'mac',
  'mac_key',
] as const satisfies readonly (keyof AuditEventTable)[];

function toRow(entry: AuditEntry): AuditEventTable {
  return {
    id: entry.id,
    created_at: entry.createdAt,
    event_type: entry.eventType,
    outcome: entry.outcome,
    actor_id: entry.actorId,
    connection_ref: entry.connectionRef,
    resource_id: entry.resourceId,
    agent_id: entry.agentId,
    workspace_id: entry.workspaceId,
    entry: entry.entry,
    entry_hash: entry.entryHash,
    mac: entry.mac,
    mac_key: entry.macKey,
  };
}
