import { createScratchDatabase } from '@nexus/testkit/postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from './database.js';
import { createEntry, createKey } from './store-fixture.js';

const appendOnlyTables = ['audit_event', 'audit_chain', 'audit_checkpoint'];

/** A role that owns nothing in a database that belongs to another: what DATABASE_OWNER_URL is for. */
describe('A5: a Broker that does not own its tables on PostgreSQL', () => {
  const role = `app_${process.pid}`;
  const cleanups: (() => Promise<void>)[] = [];
  let ownerUrl = '';
  let appUrl = '';
  let database: Database;

  async function run(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  beforeAll(async () => {
    const scratch = await createScratchDatabase();
    cleanups.push(() => scratch[Symbol.asyncDispose]());
    ownerUrl = scratch.url;
    await run(ownerUrl, `create role ${role} login password 'fixture'`);
    cleanups.push(async () => {
      await run(ownerUrl, `drop owned by ${role}`);
      await run(ownerUrl, `drop role ${role}`);
    });
    const url = new URL(ownerUrl);
    url.username = role;
    url.password = 'fixture';
    appUrl = url.href;
    database = await openDatabase({ url: appUrl, ownerUrl });
    cleanups.push(() => database[Symbol.asyncDispose]());
    await database.migrate();
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  it('adds to the log and changes everything else', async () => {
    await database.transaction(async (stores) => {
      await stores.audit.insert([createEntry()]);
      const key = createKey();
      await stores.keys.insert(key);
      await stores.keys.revoke(key.keyId, key.createdAt);
    });
    expect(await database.hasAuditGrants()).toBe(true);
    expect((await database.appliedMigrations()).length).toBeGreaterThan(2);
  });

  it.each(appendOnlyTables)('is refused by the grants on %s, whatever the triggers say', async (table) => {
    const statements = [
      `update ${table} set ${table === 'audit_chain' ? 'event_id' : 'created_at'} = 'x'`,
      `delete from ${table}`,
      `truncate ${table}`,
      `insert into ${table} select * from ${table} on conflict (${table === 'audit_event' ? 'id' : table === 'audit_chain' ? 'seq' : 'size'})
        do update set ${table === 'audit_chain' ? 'event_id' : 'created_at'} = 'x'`,
      `drop trigger ${table}_no_change on ${table}`,
      `alter table ${table} disable trigger all`,
      `alter table ${table} owner to ${role}`,
      `drop table ${table}`,
    ];
    for (const statement of statements) {
      await expect(run(appUrl, statement), statement).rejects.toThrow(/permission denied|must be owner/);
    }
  });

  it('prunes through the owner', async () => {
    const entries = [createEntry(), createEntry()];
    await database.transaction(async ({ audit, auditChain }) => {
      await audit.insert(entries);
      await auditChain.insert(
        entries.map(({ id }, index) => ({
          seq: index + 1,
          eventId: id,
          prevHash: Buffer.alloc(32),
          hash: Buffer.alloc(32),
        })),
      );
    });
    await expect(database.transaction(({ auditChain }) => auditChain.prune(1))).rejects.toThrow('must be owner');
    expect(await database.transactionAsOwner(({ auditChain }) => auditChain.prune(1))).toBe(1);
    expect((await database.stores.auditChain.first())?.seq).toBe(2);
    await expect(run(ownerUrl, 'delete from audit_chain')).rejects.toThrow('append-only');
    expect(await database.hasAuditGrants()).toBe(true);
  });

  it('takes back what was granted beside it, and grants what a later start needs', async () => {
    await run(ownerUrl, `grant delete on audit_event to ${role}`);
    expect(await database.hasAuditGrants()).toBe(false);
    await run(ownerUrl, `grant update (entry) on audit_event to ${role}`);
    await run(ownerUrl, `revoke delete on audit_event from ${role}`);
    expect(await database.hasAuditGrants()).toBe(false);
    await run(ownerUrl, `revoke select on connection from ${role}`);
    await Promise.all([database.migrate(), database.migrate(), database.migrate()]);
    expect(await database.hasAuditGrants()).toBe(true);
    expect(await run(appUrl, 'select count(*) as n from connection')).toEqual([{ n: '0' }]);
  });

  it('says no where the Broker owns the tables itself, or may act as who does', async () => {
    const owner = await openDatabase({ url: ownerUrl });
    expect(await owner.hasAuditGrants()).toBe(false);
    await owner[Symbol.asyncDispose]();
    const group = `group_${process.pid}`;
    await run(ownerUrl, `create role ${group}`);
    try {
      await run(ownerUrl, `alter table audit_chain owner to ${group}`);
      await run(ownerUrl, `grant ${group} to ${role}`);
      expect(await database.hasAuditGrants()).toBe(false);
      await run(ownerUrl, `revoke ${group} from ${role}`);
      expect(await database.hasAuditGrants()).toBe(true);
    } finally {
      await run(ownerUrl, 'alter table audit_chain owner to current_user');
      await run(ownerUrl, `drop role ${group}`);
    }
  });

  it('says no where the Broker owns the database, and so the schema of the tables', async () => {
    const name = new URL(ownerUrl).pathname.slice(1);
    const [{ owner } = {}] = await run(
      ownerUrl,
      "select nspowner::regrole as owner from pg_namespace where nspname = 'public'",
    );
    await run(ownerUrl, `alter database "${name}" owner to ${role}`);
    try {
      await run(ownerUrl, 'alter schema public owner to pg_database_owner');
      expect(await database.hasAuditGrants()).toBe(false);
      await run(ownerUrl, 'alter schema public owner to current_user');
      expect(await database.hasAuditGrants()).toBe(true);
    } finally {
      await run(ownerUrl, `alter schema public owner to ${owner}`);
      await run(ownerUrl, `alter database "${name}" owner to current_user`);
    }
  });
});
