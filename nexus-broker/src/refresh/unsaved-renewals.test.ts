import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startScriptedProvider } from '@nexus/testkit/scripted-provider';
import type { Vault } from '@nexus/vault/vault';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Connection } from '../domain/connection.js';
import { sealCredential } from '../grants/credential-custody.js';
import type { Database, Stores } from '../stores/database.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { createCredentialInput, laterTime } from '../stores/store-fixture.js';
import { type Connected, context, createEngineRig, type EngineRig, revoking } from './engine-fixture.js';
import { RenewalSpool } from './renewal-spool.js';
import { UnsavedRenewals } from './unsaved-renewals.js';

const port = { title: 'Port', description: null, pattern: null, options: [], default: null, allowedHosts: [] };

/** Seals entries as they were when they did not say where their tokens are from. */
function forgettingOrigins(vault: Vault): Vault {
  const seal: Vault['seal'] = (bytes, about) => {
    const { issued: _issued, ...entry } = JSON.parse(new TextDecoder().decode(bytes));
    return vault.seal(new TextEncoder().encode(JSON.stringify(entry)), about);
  };
  return Object.create(vault, { seal: { value: seal } });
}

describeEachDatabase('a renewal the database would not take', (open, fixture) => {
  let url: string;
  let rig: EngineRig;
  let folder: string;
  const faults: unknown[] = [];

  beforeAll(async () => {
    url = await fixture.createUrl();
    rig = await createEngineRig(await open({ url, poolSize: 8 }));
    folder = await mkdtemp(join(tmpdir(), 'nexus-unsaved-'));
  });
  afterAll(async () => {
    await rig.close();
    await rm(folder, { recursive: true, force: true });
  });

  const breaking =
    fixture.engine === 'sqlite'
      ? ["create trigger sink before insert on audit_event begin select raise(abort, 'gone'); end"]
      : [
          "create function sink() returns trigger language plpgsql as $$ begin raise exception 'gone'; end $$",
          'create trigger sink before insert on audit_event for each row execute function sink()',
        ];
  const mending =
    fixture.engine === 'sqlite' ? ['drop trigger sink'] : ['drop trigger sink on audit_event', 'drop function sink'];

  async function runAll(statements: readonly string[]): Promise<void> {
    for (const statement of statements) await fixture.runSql(url, statement);
  }

  /** An engine as a Broker process has it, and what its death leaves: the file. */
  async function boot(name: string) {
    const spool = await RenewalSpool.open({ path: join(folder, name), onLostWrite: (error) => faults.push(error) });
    const unsaved = new UnsavedRenewals({ spool, vault: rig.vault, onError: (error) => faults.push(error) });
    const recovered = await unsaved.recover(rig.database.stores);
    let isDead = false;
    // Whatever a dead process still had in mind to commit is never sent.
    const database: Database = Object.create(rig.database, {
      transaction: {
        value: <T>(work: (stores: Stores) => Promise<T>): Promise<T> =>
          isDead ? new Promise<T>(() => undefined) : rig.database.transaction(work),
      },
    });
    const kill = async () => {
      isDead = true;
      await spool.close();
    };
    return { engine: rig.createEngine(undefined, { unsaved, database }), recovered, unsaved, kill };
  }

  /** Renews while nothing can be stored, until the renewal is in the spool; then the process is gone. */
  async function renewAndDie(name: string, all: readonly Connected[]): Promise<void> {
    const { engine, unsaved, kill } = await boot(name);
    await runAll(breaking);
    try {
      for (const { connection, provider } of all)
        void engine.refresh(connection, provider, context).catch(() => undefined);
      while (unsaved.list().length < all.length) await new Promise((resolve) => setTimeout(resolve, 5));
      // Waits for what is being written.
      await kill();
    } finally {
      await runAll(mending);
    }
  }

  const newest = async ({ connection, family }: Connected) => ({
    family,
    held: (await rig.open(await rig.read(connection.connectionRef))).refreshToken,
  });

  it('R16: is stored by the next process, for 100 of 100', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => rig.connect()));
    await renewAndDie('hundred', all);
    const file = (await readFile(join(folder, 'hundred'))).toString('latin1');
    expect(all.filter(({ family }) => file.includes(family))).toEqual([]);

    const next = await boot('hundred');
    expect(next.recovered).toBe(100);
    await next.engine.storeUnsaved();
    expect(await Promise.all(all.map(newest))).toEqual(all.map(({ family }) => ({ family, held: `rt-${family}-1` })));
    expect(all.filter(({ family }) => rig.authority.ended.has(family))).toEqual([]);
    await next.kill();

    const last = await boot('hundred');
    expect(last.recovered).toBe(0);
    await last.kill();
    expect(faults).toEqual([]);
  });

  it('R16, R18: is dropped for a connection that got something newer, and revoked for one that was deleted', async () => {
    const reconnected = await rig.connect();
    const deleted = await rig.connect({ revoke: revoking('token') });
    await renewAndDie('obsolete', [reconnected, deleted]);
    const newer = await rig.read(reconnected.connection.connectionRef);
    await rig.database.transaction((stores) =>
      stores.connections.storeCredential(createCredentialInput(newer, { from: ['active'] })),
    );
    const { connectionRef } = deleted.connection;
    await rig.database.transaction((stores) => stores.connections.markRevoked({ connectionRef, at: laterTime }));
    const next = await boot('obsolete');
    await next.engine.storeUnsaved();
    await next.kill();
    expect((await rig.read(newer.connectionRef)).version).toBe(newer.version + 1);
    const told = (await rig.entries(newer.connectionRef)).map((entry) => entry['event_type']);
    expect(told).toContain('token.refresh_sibling');
    expect(rig.authority.revoked(deleted.family)).toContain(`rt-${deleted.family}-1`);
  });

  it.each([
    ['says where it is from, to that tenant', true],
    ['does not say so, to nobody', false],
  ])('S-9: is sent to no other tenant that the connection is at by then: an entry that %s', async (_entry, isNew) => {
    const elsewhere = await startScriptedProvider();
    elsewhere.answer('/revoke', { status: 200 });
    const { upstream } = rig.authority;
    const at = (path: string) => `http://127.0.0.1:{port}${path}`;
    const connected = await rig.connect({
      inputs: { port },
      tokenUrl: at('/token'),
      revocationEndpoint: at('/revoke'),
      revoke: revoking('token'),
    });
    const { connection, provider, family } = connected;
    const held = await rig.open(connection);
    const store = async (row: Connection, { origin }: { readonly origin: string }) => {
      const sealed = sealCredential(rig.vault, row, held, row.version + 1, origin);
      const inputs = { port: new URL(origin).port };
      const credential = { from: ['active'] as const, inputs, issuedOrigin: origin, sealed };
      await rig.database.transaction(({ connections }) =>
        connections.storeCredential(createCredentialInput(row, credential)),
      );
      return rig.read(row.connectionRef);
    };
    const before = await store(connection, upstream);
    const spool = await RenewalSpool.open({
      path: join(folder, `tenant-${isNew}`),
      onLostWrite: (error) => faults.push(error),
    });
    const vault = isNew ? rig.vault : forgettingOrigins(rig.vault);
    const unsaved = new UnsavedRenewals({ spool, vault, onError: (error) => faults.push(error) });
    const credential = { ...held, accessToken: `at-${family}-kept`, refreshToken: `rt-${family}-1` };
    const event = { eventType: 'token.refreshed', outcome: 'success' } as const;
    const renewed = { credential, isRefresh: true, entryIds: ['never stored'], event };
    await unsaved.keep({ connection: before, provider, context, renewed });
    await spool.close();
    await store(before, elsewhere);

    const next = await boot(`tenant-${isNew}`);
    expect(next.recovered).toBe(1);
    await next.engine.storeUnsaved();
    await next.kill();
    expect(elsewhere.requests('/revoke')).toEqual([]);
    expect(rig.authority.revoked(family)).toEqual(isNew ? [`rt-${family}-1`, `at-${family}-kept`] : []);
    await elsewhere.close();
  });

  it('R16: is on the disk before its first commit ends, where that hangs', async () => {
    const connected = await rig.connect();
    const spool = await RenewalSpool.open({
      path: join(folder, 'hanging'),
      onLostWrite: (error) => faults.push(error),
    });
    const unsaved = new UnsavedRenewals({ spool, vault: rig.vault, onError: (error) => faults.push(error) });
    let isHanging = false;
    rig.authority.upstream.answer('/token', ({ form }) => {
      isHanging = true;
      return rig.authority.answer(form);
    });
    const database: Database = Object.create(rig.database, {
      transaction: {
        value: <T>(work: (stores: Stores) => Promise<T>): Promise<T> =>
          isHanging ? new Promise<T>(() => undefined) : rig.database.transaction(work),
      },
    });
    const engine = rig.createEngine(undefined, { unsaved, database });
    void engine.refresh(connected.connection, connected.provider, context).catch(() => undefined);
    while (unsaved.list().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await spool.close();
    const next = await boot('hanging');
    expect(next.recovered).toBe(1);
    await next.engine.storeUnsaved();
    await next.kill();
    expect(await newest(connected)).toEqual({ family: connected.family, held: `rt-${connected.family}-1` });
  });

  it('R16: is not given up by a Broker that comes to it right after an outage', async () => {
    const connected = await rig.connect();
    const { connectionRef } = connected.connection;
    const orphan = { intentId: 'orphan', countsAsCall: true, nextAttemptInSeconds: null, failures: 0 };
    const claim = { connectionRef, expectedVersion: 1, owner: 'dead', leaseSeconds: -1, intent: orphan };
    await rig.database.transaction((stores) => stores.connections.claimRefreshLease(claim));
    let hadOutage = true;
    const database: Database = Object.create(rig.database, { hadOutage: { value: () => hadOutage } });
    const engine = rig.createEngine(undefined, { database });
    const waiting = engine.refresh(connected.connection, connected.provider, context);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(rig.authority.shown(connected.family)).toEqual([]);
    hadOutage = false;
    expect(await waiting).toEqual({ kind: 'refreshed' });
    expect(rig.authority.shown(connected.family)).toEqual([`rt-${connected.family}-0`]);
  });
});
