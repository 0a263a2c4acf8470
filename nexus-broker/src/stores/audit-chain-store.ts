/** The order of the log, the checkpoints over it, and the removal of what was archived. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Instant } from '@nexus/core/clock';
import type { AuditEntry } from '../domain/audit-event.js';
import { auditColumns, toEntry } from './audit-row.js';
import { UniqueViolation } from './engines/session.js';
import type { AuditChainTable, AuditEventTable } from './schema.js';
import type { StoreContext } from './store-context.js';

export interface StoredLink {
  readonly seq: number;
  readonly eventId: string;
  readonly prevHash: Uint8Array;
  readonly hash: Uint8Array;
}

/** `entry` is null where the entry a link names is gone. */
export interface LinkedEntry {
  readonly link: StoredLink;
  readonly entry: AuditEntry | null;
}

export interface StoredCheckpoint {
  /** The sequence number of the last entry it covers. */
  readonly size: number;
  readonly createdAt: Instant;
  readonly note: string;
  readonly keyId: number;
}

/** Both ends are included; null leaves one open. */
export interface SequenceRange {
  readonly from: number | null;
  readonly to: number | null;
  readonly limit: number;
}

export function createAuditChainStore(context: StoreContext) {
  const { db, databaseNow } = context;
  return {
    /** The database's clock, for whoever has the stores only. */
    async now(): Promise<Instant> {
      const row = await db.selectNoFrom(databaseNow().as('now')).executeTakeFirstOrThrow();
      return row.now;
    },

    /** The oldest link there is: later than the first where the log was pruned. */
    first: () => findEnd(context, 'asc'),

    /** The newest link. */
    head: () => findEnd(context, 'desc'),

    async find(seq: number): Promise<StoredLink | null> {
      const row = await db.selectFrom('audit_chain').selectAll().where('seq', '=', seq).executeTakeFirst();
      return row === undefined ? null : toLink(row);
    },

    list: (range: SequenceRange) => list(context, range),

    /** False, which fails the transaction, when another sealer has added a link of one of these numbers or entries. */
    insert: (links: readonly StoredLink[]) => insert(context, links),

    /** In order of size. */
    async listCheckpoints({ from, to, limit }: SequenceRange): Promise<StoredCheckpoint[]> {
      let query = db.selectFrom('audit_checkpoint').selectAll().orderBy('size').limit(limit);
      if (from !== null) query = query.where('size', '>=', from);
      if (to !== null) query = query.where('size', '<=', to);
      const rows = await query.execute();
      return rows.map((row) => ({ size: row.size, createdAt: row.created_at, note: row.note, keyId: row.key_id }));
    },

    async newestCheckpoint(): Promise<StoredCheckpoint | null> {
      const row = await db
        .selectFrom('audit_checkpoint')
        .selectAll()
        .orderBy('size', 'desc')
        .limit(1)
        .executeTakeFirst();
      if (row === undefined) return null;
      return { size: row.size, createdAt: row.created_at, note: row.note, keyId: row.key_id };
    },

    /**
     * Removes links up to `toSeq` and the entries they name; needs the right to drop triggers. Returns how many links
     * went.
     */
    prune: (toSeq: number) => prune(context, toSeq),

    async insertCheckpoint({ size, createdAt, note, keyId }: StoredCheckpoint): Promise<void> {
      await db.insertInto('audit_checkpoint').values({ size, created_at: createdAt, note, key_id: keyId }).execute();
    },
  };
}

async function findEnd({ db }: StoreContext, order: 'asc' | 'desc'): Promise<StoredLink | null> {
  const row = await db.selectFrom('audit_chain').selectAll().orderBy('seq', order).limit(1).executeTakeFirst();
  return row === undefined ? null : toLink(row);
}

async function list({ db }: StoreContext, { from, to, limit }: SequenceRange): Promise<LinkedEntry[]> {
  let query = db
    .selectFrom('audit_chain')
    .leftJoin('audit_event', 'audit_event.id', 'audit_chain.event_id')
    .select(['audit_chain.seq', 'audit_chain.event_id', 'audit_chain.prev_hash', 'audit_chain.hash'])
    .select(auditColumns.map((column) => `audit_event.${column}` as const))
    .orderBy('audit_chain.seq')
    .limit(limit);
  if (from !== null) query = query.where('audit_chain.seq', '>=', from);
  if (to !== null) query = query.where('audit_chain.seq', '<=', to);
  const rows = await query.execute();
  return rows.map((row) => ({
    link: toLink(row),
    entry: row.id === null ? null : toEntry(row as AuditEventTable),
  }));
}

async function insert({ db, compiled }: StoreContext, links: readonly StoredLink[]): Promise<boolean> {
  if (links.length === 0) return true;
  const rows = links.map(({ seq, eventId, prevHash, hash }) => ({ seq, event_id: eventId, prev_hash: prevHash, hash }));
  const values = rows.flatMap((row) => [row.seq, row.event_id, row.prev_hash, row.hash]);
  const build = () => db.insertInto('audit_chain').columns(['seq', 'event_id', 'prev_hash', 'hash']).values(rows);
  try {
    await db.executeQuery(compiled.get(`${rows.length} links`, build, values));
  } catch (error) {
    if (error instanceof UniqueViolation) return false;
    throw error;
  }
  return true;
}

function toLink(row: AuditChainTable): StoredLink {
  return { seq: row.seq, eventId: row.event_id, prevHash: row.prev_hash, hash: row.hash };
}

const prunedPerStatement = 1_000;

async function prune({ db, tables }: StoreContext, toSeq: number): Promise<number> {
  const pruned = ['audit_event', 'audit_chain'];
  for (const table of pruned) {
    for (const statement of tables.allowChanges(table)) await statement.execute(db);
  }
  let count = 0;
  for (;;) {
    const rows = await db
      .selectFrom('audit_chain')
      .select(['seq', 'event_id'])
      .where('seq', '<=', toSeq)
      .orderBy('seq')
      .limit(prunedPerStatement)
      .execute();
    const last = rows.at(-1);
    if (last === undefined) break;
    const ids = rows.map((row) => row.event_id);
    await db.deleteFrom('audit_event').where('id', 'in', ids).execute();
    await db.deleteFrom('audit_chain').where('seq', '<=', last.seq).execute();
    count += rows.length;
    await yieldToOthers();
  }
  for (const table of pruned) {
    for (const statement of tables.appendOnly(table)) await statement.execute(db);
  }
  return count;
}
