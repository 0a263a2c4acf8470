import { beforeEach, expect, it } from 'vitest';
import type { Connection } from '../domain/connection.js';
import { systemOrigin } from '../domain/request-context.js';
import { nameTarget, sealedTargets, toBlobContext } from '../domain/sealed-targets.js';
import { openCredential, sealCredential } from '../grants/credential-custody.js';
import type { Database } from '../stores/database.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { createCredentialInput } from '../stores/store-fixture.js';
import { addDataKey } from './add-data-key.js';
import { promoteDataKey } from './promote-data-key.js';
import {
  ChangingKeys,
  createKek,
  createRing,
  digest,
  type Planted,
  plantValues,
  readEntries,
  startBroker,
  type TestBroker,
} from './replica-fixture.js';
import { rotateDataKeys } from './rotate-data-keys.js';

const origin = systemOrigin('test');

async function countUnder(database: Database, keyId: number): Promise<number> {
  let count = 0;
  for (const target of sealedTargets) count += await database.stores.sealedBlobs.countUnder(target, keyId);
  return count;
}

async function openStored(broker: TestBroker, connection: Connection | null) {
  const sealedCredential = connection?.sealedCredential ?? null;
  if (connection === null || sealedCredential === null) throw new Error('no credential');
  return openCredential(broker.vault, { ...connection, sealedCredential });
}

async function readSecret(broker: TestBroker, connectionRef: string): Promise<string> {
  const credential = await openStored(broker, await broker.database.stores.connections.findByRef(connectionRef));
  return credential.kind === 'oauth2' ? credential.accessToken : '';
}

describeEachDatabase('re-sealing', (open, fixture) => {
  let url: string;
  let database: Database;
  let keys: ChangingKeys;
  let broker: TestBroker;
  let planted: Planted;
  const oldKeys = [1, 2, 3];
  const rotate = () => rotateDataKeys(broker, ['cred', 'provider', 'flow'], origin);
  const progress = () => database.stores.resealing.list();

  beforeEach(async () => {
    url = await fixture.createUrl();
    database = await open({ url });
    keys = new ChangingKeys({ 'kek-1': createKek() });
    await createRing(database, keys);
    broker = await startBroker(database, keys);
    planted = await plantValues(database, broker.vault, 5);
  });

  async function expectAllReadable(): Promise<void> {
    for (const [secret, ref] of planted.connections) expect(await readSecret(broker, ref)).toBe(secret);
    for (const target of sealedTargets) {
      for (const row of await database.stores.sealedBlobs.list(target, { row: null, after: '', limit: 100 })) {
        expect(broker.vault.open(row.blob, toBlobContext(target, row)).length).toBeGreaterThan(0);
      }
    }
  }

  it('leaves nothing under the old keys, every value as it was, and says so', async () => {
    await broker.resealer.run();
    expect(await progress()).toEqual([]);
    await rotate();
    await broker.resealer.run();
    for (const id of oldKeys) expect(await countUnder(database, id)).toBe(0);
    await expectAllReadable();
    const rows = await progress();
    expect(rows.map(({ keyId, target, resealed, failed }) => [keyId, target, resealed, failed])).toEqual([
      [1, 'agent_session.sealed_token', 1, 0],
      [1, 'connection.sealed_credential', 5, 0],
      [2, 'provider.sealed_secrets', 1, 0],
      [2, 'webhook.sealed_secrets', 1, 0],
      [3, 'flow.sealed_result', 1, 0],
      [3, 'flow.sealed_secrets', 1, 0],
    ]);
    expect(rows.every(({ finishedAt }) => finishedAt !== null)).toBe(true);
    expect(broker.errors).toEqual([]);
  });

  it('records each page with the digests of what is stored now', async () => {
    await rotate();
    await broker.resealer.run();
    const entries = await readEntries(database, 'vault.resealed');
    expect(entries.map(({ data }) => `${data.table}.${data.column}`).sort()).toEqual(
      sealedTargets.map(nameTarget).sort(),
    );
    for (const target of sealedTargets) {
      const entry = entries.find(({ data }) => `${data.table}.${data.column}` === nameTarget(target));
      expect(entry).toMatchObject({ outcome: 'success', data: { failed: 0 } });
      const stored = await database.stores.sealedBlobs.list(target, { row: null, after: '', limit: 100 });
      const witnesses = stored.map(({ row, version, blob }) => ({ row, version, blob_sha256: digest(blob) }));
      expect(entry.data.rows).toEqual(target.isWitnessed ? witnesses : []);
    }
  });

  it('K1: binds what it sealed to its row', async () => {
    await rotate();
    await broker.resealer.run();
    const [target] = sealedTargets.filter(({ table }) => table === 'connection');
    if (target === undefined) throw new Error('no target');
    const [one, two] = await database.stores.sealedBlobs.list(target, { row: null, after: '', limit: 2 });
    if (one === undefined || two === undefined) throw new Error('no rows');
    expect(() => broker.vault.open(one.blob, toBlobContext(target, two))).toThrow(/altered|authenticate/i);
  });

  it('K7: a newer credential stored meanwhile stays', async () => {
    await rotate();
    const [ref] = planted.connections.values();
    const connection = await database.stores.connections.findByRef(ref ?? '');
    if (connection === null) throw new Error('no connection');
    // Between the reading of the page and its transaction.
    const { transaction } = database;
    let isStored = false;
    const racing: Database = {
      ...database,
      transaction: async (work) => {
        if (!isStored && (await countUnder(database, 1)) > 0 && (await progress()).length > 1) {
          isStored = true;
          const newer = { kind: 'static', fields: { api_key: 'newer' } } as const;
          const sealed = sealCredential(broker.vault, connection, newer, 2, '');
          const input = createCredentialInput(connection, { sealed, from: ['active'], issuedOrigin: '' });
          expect(await transaction((stores) => stores.connections.storeCredential(input))).toBe(true);
        }
        return transaction(work);
      },
    };
    const slow = await startBroker(racing, keys);
    await slow.resealer.run();
    expect(isStored).toBe(true);
    const stored = await database.stores.connections.findByRef(ref ?? '');
    expect(stored?.version).toBe(2);
    expect(await openStored(broker, stored)).toMatchObject({ fields: { api_key: 'newer' } });
    expect(await countUnder(database, 1)).toBe(0);
    const witnessed = (await readEntries(database, 'vault.resealed')).flatMap(({ data }) => data.rows);
    expect(witnessed.map(({ row }: { row: string }) => row)).not.toContain(ref);
  });

  it('goes on after a crash where the last page ended', async () => {
    await rotate();
    const { transaction } = database;
    const dying: Database = {
      ...database,
      transaction: (work) =>
        transaction(async (stores) => {
          const done = await work(stores);
          const resealed = (await stores.resealing.list()).reduce((sum, row) => sum + row.resealed, 0);
          if (resealed === 3) throw new Error('killed');
          return done;
        }),
    };
    // Pages of one row; the third one dies before its commit.
    const killed = await startBroker(dying, keys, { rowsPerSecond: 1 });
    await expect(killed.resealer.run()).rejects.toThrow('killed');
    expect(await countUnder(database, 1)).toBe(4);
    await broker.resealer.run();
    expect(await countUnder(database, 1)).toBe(0);
    await expectAllReadable();
    const resealed = (await progress()).filter(({ keyId }) => keyId === 1).map((row) => row.resealed);
    expect(resealed.reduce((sum, count) => sum + count, 0)).toBe(6);
  });

  it('marks a damaged credential as a reader would, skips it, and records it once', async () => {
    const [, ref = ''] = planted.connections.values();
    const bytes = fixture.engine === 'postgres' ? `overlay(sealed_credential placing '\\x00' from 60 for 1)` : null;
    await fixture.runSql(
      url,
      `update connection set sealed_credential = ${bytes ?? "cast(substr(sealed_credential, 1, 59) || x'00' || substr(sealed_credential, 61) as blob)"}
        where connection_ref = '${ref}'`,
    );
    await rotate();
    for (let run = 0; run < 3; run++) await broker.resealer.run();
    expect(await countUnder(database, 1)).toBe(1);
    expect(await database.stores.connections.findByRef(ref)).toMatchObject({
      status: 'attention',
      reason: 'integrity',
    });
    const [marked, ...more] = await readEntries(database, 'connection.attention');
    expect(marked).toMatchObject({ outcome: 'failure', connection_ref: ref, data: { reason: 'integrity' } });
    expect(marked.provider_name).toMatch(/^provider-/);
    expect(more).toEqual([]);
    const failures = (await readEntries(database, 'vault.resealed')).filter(({ data }) => data.failed > 0);
    expect(failures).toMatchObject([{ outcome: 'failure', data: { failed: 1 } }]);
    const done = (await progress()).find(({ target }) => target === 'connection.sealed_credential');
    expect(done).toMatchObject({ resealed: 4, failed: 1, finishedAt: expect.any(String) });
  });

  it('K8: is not finished while a live replica seals with the old key, and catches what that one sealed', async () => {
    const lagging = await startBroker(database, keys);
    // It does not hear of the promotion: only the first Broker beats.
    const { id: waiting } = await addDataKey(broker, 'cred', origin);
    await lagging.fence.beat();
    await promoteDataKey(broker, waiting, origin);
    await broker.resealer.run();
    const late = await plantValues(database, lagging.vault, 1);
    planted = { ...planted, connections: new Map([...planted.connections, ...late.connections]) };
    await renewFirst(lagging);
    expect((await progress()).every(({ finishedAt }) => finishedAt === null)).toBe(true);
    expect(await countUnder(database, 1)).toBe(3);
    await lagging.fence.beat();
    for (let run = 0; run < 3; run++) {
      await broker.resealer.run();
      const isFinished = (await progress()).every(({ finishedAt }) => finishedAt !== null);
      expect({ isFinished, left: await countUnder(database, 1) }).not.toMatchObject({ isFinished: true, left: 1 });
    }
    expect((await progress()).every(({ finishedAt }) => finishedAt !== null)).toBe(true);
    expect(await countUnder(database, 1)).toBe(0);
    await expectAllReadable();
  });

  /** Stores another credential in the row the re-sealing passed first. */
  async function renewFirst(by: TestBroker): Promise<void> {
    const [secret = '', ref = ''] = [...planted.connections][0] ?? [];
    const connection = await database.stores.connections.findByRef(ref);
    const credential = await openStored(broker, connection);
    if (connection === null) throw new Error(`no connection holds ${secret}`);
    const { issuedOrigin, version } = connection;
    const sealed = sealCredential(by.vault, connection, credential, version + 1, issuedOrigin);
    const input = createCredentialInput(connection, { sealed, from: ['active'], issuedOrigin });
    expect(await database.transaction((stores) => stores.connections.storeCredential(input))).toBe(true);
  }

  it('is done by one Broker at a time', async () => {
    await rotate();
    const other = await startBroker(database, keys);
    const lease = { name: 'resealing', owner: other.fence.instanceId, seconds: 60 };
    await database.transaction((stores) => stores.jobLeases.acquire(lease));
    await broker.resealer.run();
    expect(await countUnder(database, 1)).toBe(6);
    await other.resealer.run();
    expect(await countUnder(database, 1)).toBe(0);
  });

  it('stops between two pages when the Broker stops', async () => {
    await rotate();
    const slow = await startBroker(database, keys, { rowsPerSecond: 2 });
    const run = slow.resealer.run();
    while ((await countUnder(database, 1)) === 6) await new Promise((resolve) => setTimeout(resolve, 10));
    slow.resealer.close();
    await run;
    expect(await countUnder(database, 1)).toBeGreaterThan(0);
    await slow.resealer.run();
    expect(await countUnder(database, 1)).toBeGreaterThan(0);
  });
});
