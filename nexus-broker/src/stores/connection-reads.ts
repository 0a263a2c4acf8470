import type { Connection, ConnectionStatus } from '../domain/connection.js';
import { type ConnectionRow, connectionColumns, toConnection } from './connection-row.js';
import type { StoreContext } from './store-context.js';

export interface ConnectionFilter {
  readonly workspaceId?: string | undefined;
  readonly providerId?: string | undefined;
  readonly status?: ConnectionStatus | undefined;
  /** The key that started it; null selects those of anonymous callers. */
  readonly requestedBy?: string | null | undefined;
  /** Those that the key of an application or operator started: neither anonymous callers nor agents speak for a workspace. */
  readonly startedByOwner?: true | undefined;
  readonly connectionRef?: string | undefined;
  /** The last `connectionRef` of the page before. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

export type ConnectionState = Pick<Connection, 'connectionRef' | 'status' | 'reason' | 'pendingUntil'>;

const refsPerQuery = 500;

export function createConnectionReads(context: StoreContext) {
  const { db, databaseNow, compiled } = context;
  const select = () => db.selectFrom('connection').select(connectionColumns);
  return {
    /** The hot query; it relies on `connection_id_hash_unique`. */
    async findByIdHash(idHash: string): Promise<Connection | null> {
      const build = () => select().where('id_hash', '=', idHash);
      const { rows } = await db.executeQuery<ConnectionRow>(compiled.get('connection by id hash', build, [idHash]));
      return rows[0] === undefined ? null : toConnection(rows[0]);
    },

    async findByRef(connectionRef: string): Promise<Connection | null> {
      const row = await select().where('connection_ref', '=', connectionRef).executeTakeFirst();
      return row === undefined ? null : toConnection(row);
    },

    findStatusesByRefs: (refs: readonly string[]): Promise<ConnectionState[]> => findStatuses(context, refs),

    list: (filter: ConnectionFilter): Promise<Connection[]> => list(context, filter),

    async countByStatus(): Promise<Record<string, number>> {
      const rows = await db
        .selectFrom('connection')
        .select((connection) => ['status', connection.fn.countAll<number>().as('count')])
        .groupBy('status')
        .execute();
      return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
    },

    /** Counts those that would break without their provider: active, in attention, or pending and still in time. */
    async countLive(providerId: string): Promise<number> {
      const row = await db
        .selectFrom('connection')
        .select((connection) => connection.fn.countAll<number>().as('count'))
        .where('provider_id', '=', providerId)
        .where((connection) =>
          connection.or([
            connection('status', 'in', ['active', 'attention']),
            connection.and([connection('status', '=', 'pending'), connection('pending_until', '>', databaseNow())]),
          ]),
        )
        .executeTakeFirstOrThrow();
      return row.count;
    },

    /** Whether any of them has something that the provider issued, or a person typed in. */
    async holdCredentials(providerId: string): Promise<boolean> {
      const row = await db
        .selectFrom('connection')
        .select('connection_ref')
        .where('provider_id', '=', providerId)
        .where('sealed_credential', 'is not', null)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },

    hasLiveSibling: (input: SiblingInput): Promise<boolean> => hasLiveSibling(context, input),

    async listByIssuedOrigin(providerId: string, issuedOrigin: string): Promise<Connection[]> {
      const rows = await select()
        .where('provider_id', '=', providerId)
        .where('status', 'in', ['active', 'attention'])
        .where('issued_origin', '=', issuedOrigin)
        .orderBy('connection_ref')
        .execute();
      return rows.map(toConnection);
    },
  };
}

async function findStatuses({ db }: StoreContext, refs: readonly string[]): Promise<ConnectionState[]> {
  const found: ConnectionState[] = [];
  for (let start = 0; start < refs.length; start += refsPerQuery) {
    const rows = await db
      .selectFrom('connection')
      .select(['connection_ref', 'status', 'reason', 'pending_until'])
      .where('connection_ref', 'in', refs.slice(start, start + refsPerQuery))
      .execute();
    for (const row of rows) {
      found.push({
        connectionRef: row.connection_ref,
        status: row.status,
        reason: row.reason,
        pendingUntil: row.pending_until,
      });
    }
  }
  return found;
}

async function list({ db }: StoreContext, filter: ConnectionFilter): Promise<Connection[]> {
  let query = db.selectFrom('connection').select(connectionColumns).orderBy('connection_ref');
  if (filter.workspaceId !== undefined) query = query.where('workspace_id', '=', filter.workspaceId);
  if (filter.providerId !== undefined) query = query.where('provider_id', '=', filter.providerId);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  if (filter.requestedBy === null) query = query.where('requested_by', 'is', null);
  else if (filter.requestedBy !== undefined) query = query.where('requested_by', '=', filter.requestedBy);
  if (filter.startedByOwner === true) {
    query = query.where((connection) =>
      connection.exists(
        connection
          .selectFrom('api_key')
          .select('key_id')
          .whereRef('api_key.key_id', '=', 'connection.requested_by')
          .where('api_key.role', 'in', ['app', 'operator', 'admin']),
      ),
    );
  }
  if (filter.connectionRef !== undefined) query = query.where('connection_ref', '=', filter.connectionRef);
  if (filter.after !== undefined) query = query.where('connection_ref', '>', filter.after);
  if (filter.limit !== undefined) query = query.limit(filter.limit);
  const rows = await query.execute();
  return rows.map(toConnection);
}

interface SiblingInput {
  readonly providerId: string;
  readonly accountSubject: string | null;
  readonly exceptRef: string;
}

/** Whether revoking at the provider could take another connection's grant along. An unknown account could be the same. */
async function hasLiveSibling({ db }: StoreContext, input: SiblingInput): Promise<boolean> {
  const { accountSubject } = input;
  let query = db
    .selectFrom('connection')
    .select('connection_ref')
    .where('provider_id', '=', input.providerId)
    .where('status', 'in', ['active', 'attention'])
    .where('connection_ref', '<>', input.exceptRef)
    .limit(1);
  if (accountSubject !== null) {
    query = query.where((connection) =>
      connection.or([connection('account_subject', 'is', null), connection('account_subject', '=', accountSubject)]),
    );
  }
  return (await query.executeTakeFirst()) !== undefined;
}
