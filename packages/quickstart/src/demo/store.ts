import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { ModelAdapter, StoredPayload } from 'oidc-provider';
import { isJsonObject, parseJson } from '../json-object.js';

/** The state of the demo provider in one SQLite file. */
export interface DemoStore {
  /** oidc-provider's adapter for one of its models. */
  createAdapter(model: string): ModelAdapter;
  /** Deletes what has expired and returns how many rows that were. */
  purge(): number;
  close(): void;
}

/** Models whose id is itself the credential; such an id is kept as a hash only. */
const bearerModels = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);

const schema = `
  create table if not exists oidc_row (
    model text not null,
    id_hash text not null,
    payload text not null,
    grant_id text,
    uid text,
    expires_at integer,
    primary key (model, id_hash)
  ) without rowid;
  create index if not exists oidc_row_grant on oidc_row (grant_id) where grant_id is not null;
  create index if not exists oidc_row_uid on oidc_row (uid) where uid is not null;
  create index if not exists oidc_row_expiry on oidc_row (expires_at) where expires_at is not null;
`;

function hashId(id: string): string {
  return createHash('sha256').update(id, 'utf8').digest('hex');
}

function readMember(payload: StoredPayload, name: string): string | null {
  const value = payload[name];
  return typeof value === 'string' ? value : null;
}

function readPayload(row: unknown): StoredPayload | undefined {
  const text = isJsonObject(row) ? row['payload'] : null;
  const payload = typeof text === 'string' ? parseJson(text) : null;
  return isJsonObject(payload) ? payload : undefined;
}

function prepareStatements(db: Database.Database) {
  return {
    upsert: db.prepare(
      `insert into oidc_row (model, id_hash, payload, grant_id, uid, expires_at) values (?, ?, ?, ?, ?, ?)
       on conflict (model, id_hash) do update set payload = excluded.payload, grant_id = excluded.grant_id,
         uid = excluded.uid, expires_at = excluded.expires_at`,
    ),
    find: db.prepare(
      'select payload from oidc_row where model = ? and id_hash = ? and (expires_at is null or expires_at > ?)',
    ),
    findByUid: db.prepare(
      'select payload from oidc_row where model = ? and uid = ? and (expires_at is null or expires_at > ?)',
    ),
    consume: db.prepare(
      "update oidc_row set payload = json_set(payload, '$.consumed', ?) where model = ? and id_hash = ?",
    ),
    destroy: db.prepare('delete from oidc_row where model = ? and id_hash = ?'),
    revokeByGrantId: db.prepare('delete from oidc_row where model = ? and grant_id = ?'),
    purge: db.prepare('delete from oidc_row where expires_at <= ?'),
  };
}

function createModelAdapter(
  statements: ReturnType<typeof prepareStatements>,
  model: string,
  nowInSeconds: () => number,
): ModelAdapter {
  const isBearer = bearerModels.has(model);
  return {
    async upsert(id, payload, expiresIn) {
      const { jti, ...rest } = payload;
      statements.upsert.run(
        model,
        hashId(id),
        JSON.stringify(isBearer ? rest : { ...rest, jti }),
        readMember(payload, 'grantId'),
        readMember(payload, 'uid'),
        expiresIn === undefined ? null : nowInSeconds() + expiresIn,
      );
    },
    async find(id) {
      const payload = readPayload(statements.find.get(model, hashId(id), nowInSeconds()));
      return payload !== undefined && isBearer ? { ...payload, jti: id } : payload;
    },
    async findByUid(uid) {
      return readPayload(statements.findByUid.get(model, uid, nowInSeconds()));
    },
    // The device flow is switched off, so nothing has a user code.
    async findByUserCode() {
      return undefined;
    },
    async consume(id) {
      statements.consume.run(nowInSeconds(), model, hashId(id));
    },
    async destroy(id) {
      statements.destroy.run(model, hashId(id));
    },
    async revokeByGrantId(grantId) {
      statements.revokeByGrantId.run(model, grantId);
    },
  };
}

/** Opens or creates the file and deletes what expired while the provider was not running. */
export function openDemoStore(input: { readonly path: string; readonly now: () => number }): DemoStore {
  // SQLite gives the files beside it (-wal, -shm) the mode this one has.
  closeSync(openSync(input.path, 'a', 0o600));
  const db = new Database(input.path);
  db.pragma('journal_mode = wal');
  db.pragma('busy_timeout = 2000');
  db.exec(schema);
  const statements = prepareStatements(db);
  const nowInSeconds = (): number => Math.floor(input.now() / 1000);
  const purge = (): number => statements.purge.run(nowInSeconds()).changes;
  purge();
  return {
    createAdapter: (model) => createModelAdapter(statements, model, nowInSeconds),
    purge,
    close: () => {
      db.close();
    },
  };
}
