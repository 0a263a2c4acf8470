import { type Instant, toEpochMs, toInstant } from '@nexus/core/clock';
import type { Selectable } from 'kysely';
import type { ApiKey } from '../domain/api-key.js';
import type { ApiKeyTable } from './schema.js';
import { hasWon, type StoreContext } from './store-context.js';

const touchIntervalMs = 60_000;

export function createKeyStore({ db, compiled }: StoreContext) {
  return {
    async insert(key: ApiKey): Promise<void> {
      await db.insertInto('api_key').values(toRow(key)).execute();
    },

    async findByHash(keyHash: string): Promise<ApiKey | null> {
      const build = () => db.selectFrom('api_key').selectAll().where('key_hash', '=', keyHash);
      const { rows } = await db.executeQuery(compiled.get('key by hash', build, [keyHash]));
      return rows[0] === undefined ? null : toKey(rows[0]);
    },

    async findById(keyId: string): Promise<ApiKey | null> {
      const row = await db.selectFrom('api_key').selectAll().where('key_id', '=', keyId).executeTakeFirst();
      return row === undefined ? null : toKey(row);
    },

    async list(): Promise<ApiKey[]> {
      const rows = await db.selectFrom('api_key').selectAll().orderBy('key_id').execute();
      return rows.map(toKey);
    },

    async count(): Promise<number> {
      const row = await db
        .selectFrom('api_key')
        .select((key) => key.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return row.count;
    },

    async revoke(keyId: string, at: Instant): Promise<boolean> {
      const result = await db
        .updateTable('api_key')
        .set({ revoked_at: at })
        .where('key_id', '=', keyId)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return hasWon(result);
    },

    async listByAgent(agentId: string): Promise<ApiKey[]> {
      const query = db.selectFrom('api_key').selectAll().where('agent_id', '=', agentId).orderBy('key_id');
      return (await query.execute()).map(toKey);
    },

    /** Revokes every key of an agent that is not revoked yet, and returns those. */
    async revokeByAgent(agentId: string, at: Instant): Promise<ApiKey[]> {
      const rows = await db
        .updateTable('api_key')
        .set({ revoked_at: at })
        .where('agent_id', '=', agentId)
        .where('revoked_at', 'is', null)
        .returningAll()
        .execute();
      return rows.map(toKey);
    },

    /**
     * Whether the key is usable at `now`, kept so until the transaction ends: its revocation waits. Written as an update
     * because that is the one lock both databases spell alike.
     */
    async holdUsable(keyId: string, now: Instant): Promise<boolean> {
      const result = await db
        .updateTable('api_key')
        .set((key) => ({ name: key.ref('name') }))
        .where('key_id', '=', keyId)
        .where('revoked_at', 'is', null)
        .where((key) => key.or([key('expires_at', 'is', null), key('expires_at', '>', now)]))
        .executeTakeFirst();
      return hasWon(result);
    },

    /** Writes at most once a minute. */
    async touch(keyId: string, at: Instant): Promise<void> {
      const due = toInstant(toEpochMs(at) - touchIntervalMs);
      await db
        .updateTable('api_key')
        .set({ last_used_at: at })
        .where('key_id', '=', keyId)
        .where((key) => key.or([key('last_used_at', 'is', null), key('last_used_at', '<=', due)]))
        .execute();
    },
  };
}

function toKey(row: Selectable<ApiKeyTable>): ApiKey {
  return {
    keyId: row.key_id,
    keyHash: row.key_hash,
    role: row.role,
    name: row.name,
    lastFour: row.last_four,
    agentId: row.agent_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  };
}

function toRow(key: ApiKey): ApiKeyTable {
  return {
    key_id: key.keyId,
    key_hash: key.keyHash,
    role: key.role,
    name: key.name,
    last_four: key.lastFour,
    agent_id: key.agentId,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    last_used_at: key.lastUsedAt,
  };
}
