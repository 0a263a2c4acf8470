import { expect, it } from 'vitest';
import { openDatabase } from '../database.js';
import { describeEachDatabase } from '../describe-each-database.js';
import { migrations } from './registry.js';

const names = migrations.map((migration) => migration.name);

/** In an order in which they can be dropped. */
const tables = [
  ...['flow', 'connection', 'provider', 'api_key', 'key_ring', 'return_origin', 'audit_event'],
  ...['agent', 'agent_session', 'user_issuer', 'used_user_token'],
  ...['audit_chain', 'audit_checkpoint', 'kek', 'broker_instance', 'resealing', 'job_lease'],
  ...['call_pace', 'webhook', 'webhook_delivery'],
];

describeEachDatabase('migrations', (open, fixture) => {
  it('apply once: the second run finds nothing to do', async () => {
    const database = await open({ migrate: false });
    expect(await database.migrate()).toEqual(names);
    expect(await database.migrate()).toEqual([]);
  });

  it('O6: apply once among runs that start at the same time', async () => {
    const url = await fixture.createUrl();
    // Only PostgreSQL lets more than one Broker open the database.
    const brokers = fixture.engine === 'postgres' ? 5 : 1;
    const databases = [];
    for (let i = 0; i < brokers; i++) databases.push(await open({ url, migrate: false }));
    const runs = await Promise.all([...databases, ...databases].map((database) => database.migrate()));
    expect(runs.flat()).toEqual(names);
    expect(await fixture.runSql(url, 'select name from migration order by name')).toEqual(
      names.map((name) => ({ name })),
    );
    expect(await fixture.runSql(url, 'select owner, until from migration_lock')).toEqual([
      { owner: null, until: null },
    ]);
  });

  it('O6: wait for the migrator that holds the lock, and take over when it crashed', async () => {
    const url = await fixture.createUrl();
    let clockOffsetMs = 0;
    const database = await open({ url, migrate: false, clockOffsetMs: () => clockOffsetMs });
    await database.migrate();
    for (const table of tables) {
      await fixture.runSql(url, `drop table ${table}`);
    }
    if (fixture.engine === 'postgres') {
      for (const table of ['audit_event', 'audit_chain', 'audit_checkpoint']) {
        await fixture.runSql(url, `drop function ${table}_refuse_change`);
      }
    }
    await fixture.runSql(url, 'delete from migration');
    const until = new Date(Date.now() + 60_000).toISOString();
    await fixture.runSql(url, `update migration_lock set owner = 'crashed', until = '${until}'`);

    let isFinished = false;
    const run = database.migrate().then((applied) => {
      isFinished = true;
      return applied;
    });
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(isFinished).toBe(false);
    clockOffsetMs = 61_000;
    expect(await run).toEqual(names);
  });

  it('leave migrations of a newer release alone', async () => {
    const url = await fixture.createUrl();
    const database = await open({ url });
    await fixture.runSql(
      url,
      `insert into migration (name, applied_at) values ('9999-newer', '2026-01-01T00:00:00.000Z')`,
    );
    expect(await database.migrate()).toEqual([]);
  });

  it('keep nothing of a migration that failed half-way, and apply it on the next run', async () => {
    const url = await fixture.createUrl();
    const database = await open({ url, migrate: false });
    // The table is in the way of one the first migration makes late.
    await fixture.runSql(url, 'create table audit_event (x integer)');
    await expect(database.migrate()).rejects.toThrow('audit_event');
    expect(await fixture.runSql(url, 'select name from migration')).toEqual([]);
    await expect(database.stores.keys.count()).rejects.toThrow();
    await fixture.runSql(url, 'drop table audit_event');
    expect(await database.migrate()).toEqual(names);
    expect(await database.stores.keys.count()).toBe(0);
  });

  it('are registered in order, each name once', () => {
    expect(names).toEqual([...new Set(names)].sort());
  });

  it('let a schema that is up to date be opened without waiting for a lock', async () => {
    const url = await fixture.createUrl();
    const first = await openDatabase({ url });
    await first.migrate();
    await first[Symbol.asyncDispose]();
    await fixture.runSql(url, `update migration_lock set owner = 'other', until = '2999-01-01T00:00:00.000Z'`);
    const database = await open({ url, migrate: false });
    expect(await database.migrate()).toEqual([]);
  });
});
