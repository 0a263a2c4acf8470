import { randomBytes } from 'node:crypto';
import type { SealedBlob } from '@nexus/vault/vault';
import { beforeAll, expect, it } from 'vitest';
import { nameTarget, type SealedTarget, sealedTargets } from '../domain/sealed-targets.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createSession, insertConnection, insertFlow, insertProvider } from './store-fixture.js';

/** As far as the store looks: a mark of four bytes and the key id. */
function createBlob(keyId: number): SealedBlob {
  const header = Buffer.from('NX\x01\x010000', 'latin1');
  header.writeUInt32BE(keyId, 4);
  return Buffer.concat([header, randomBytes(60)]) as Uint8Array as SealedBlob;
}

function findTarget(name: string): SealedTarget {
  const target = sealedTargets.find((one) => nameTarget(one) === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  return target;
}

const connections = findTarget('connection.sealed_credential');

describeEachDatabase('sealed blob store', (open, fixture) => {
  let database: Database;
  let url: string;
  let refs: string[];
  const blobs = [1, 1, 2, 1, 0xfffffffe].map(createBlob);

  beforeAll(async () => {
    url = await fixture.createUrl();
    database = await open({ url });
    const { providerId } = await insertProvider(database, { sealedSecrets: createBlob(3) });
    await insertProvider(database, { sealedSecrets: null });
    const inserted = [];
    for (const sealedCredential of [...blobs, null]) {
      inserted.push(
        await insertConnection(database, providerId, {
          sealedCredential,
          version: 4,
          workspaceId: 'w',
          issuedOrigin: 'https://issuer.example',
        }),
      );
    }
    refs = inserted.map(({ connectionRef }) => connectionRef);
    const [first] = inserted;
    if (first === undefined) throw new Error('no connection');
    await insertFlow(database, first, { sealedSecrets: createBlob(5), sealedResult: createBlob(6) });
    const session = createSession({ sealedToken: createBlob(1), tokenVersion: 9, tokenOrigin: 'https://t.example' });
    await database.transaction((stores) => stores.sessions.insert(session));
  });

  it('finds the values under a key page by page, with what they are bound to', async () => {
    const list = (after: string, limit: number) =>
      database.stores.sealedBlobs.listUnder(connections, { keyId: 1, after, limit });
    const [first, second] = await list('', 2);
    expect([first?.row, second?.row]).toEqual([refs[0], refs[1]]);
    expect(first).toMatchObject({ version: 4, workspaceId: 'w', origin: 'https://issuer.example', blob: blobs[0] });
    expect((await list(refs[1] ?? '', 2)).map(({ row }) => row)).toEqual([refs[3]]);
    const large = { keyId: 0xfffffffe, after: '', limit: 9 };
    expect(await database.stores.sealedBlobs.listUnder(connections, large)).toHaveLength(1);
  });

  it('counts the values of every column by key', async () => {
    const counts = new Map<string, unknown>();
    for (const target of sealedTargets) {
      counts.set(nameTarget(target), Object.fromEntries(await database.stores.sealedBlobs.countByKey(target)));
    }
    expect(Object.fromEntries(counts)).toEqual({
      'agent_session.sealed_token': { 1: 1 },
      'connection.sealed_credential': { 1: 3, 2: 1, [0xfffffffe]: 1 },
      'provider.sealed_secrets': { 3: 1 },
      'flow.sealed_secrets': { 5: 1 },
      'flow.sealed_result': { 6: 1 },
      'webhook.sealed_secrets': {},
    });
    expect(await database.stores.sealedBlobs.countUnder(connections, 1)).toBe(3);
    expect(await database.stores.sealedBlobs.countUnder(connections, 9)).toBe(0);
  });

  it('counts values that are too short to name a key under 0', async () => {
    const other = await open();
    const { providerId } = await insertProvider(other, { sealedSecrets: null });
    for (const length of [0, 2, 4, 5, 7, 64]) {
      const sealedCredential = createBlob(7).subarray(0, length) as SealedBlob;
      await insertConnection(other, providerId, { sealedCredential });
    }
    expect(Object.fromEntries(await other.stores.sealedBlobs.countByKey(connections))).toEqual({ 0: 5, 7: 1 });
  });

  it('lists every value of a column, or that of one row', async () => {
    const { sealedBlobs } = database.stores;
    const all = await sealedBlobs.list(connections, { row: null, after: refs[0] ?? '', limit: 3 });
    expect(all.map(({ row }) => row)).toEqual([refs[1], refs[2], refs[3]]);
    expect(await sealedBlobs.list(connections, { row: refs[2] ?? '', after: '', limit: 3 })).toMatchObject([
      { row: refs[2], blob: blobs[2] },
    ]);
    expect(await sealedBlobs.list(connections, { row: refs[5] ?? '', after: '', limit: 3 })).toEqual([]);
    const sessions = await sealedBlobs.list(findTarget('agent_session.sealed_token'), {
      row: null,
      after: '',
      limit: 3,
    });
    expect(sessions).toMatchObject([{ version: 9, origin: 'https://t.example' }]);
  });

  it('K7: replaces a value only while it is byte for byte the expected one', async () => {
    const row = refs[4] ?? '';
    const [old, newer, sealed] = [blobs[4] as SealedBlob, createBlob(7), createBlob(8)];
    const other = { row: refs[3] ?? '', expected: blobs[3] as SealedBlob, sealed: createBlob(9) };
    const replace = (...changes: { row: string; expected: SealedBlob; sealed: SealedBlob }[]) =>
      database.transaction((stores) => stores.sealedBlobs.replace(connections, changes));
    expect(await replace({ row, expected: old, sealed: newer })).toEqual(new Set([row]));
    expect(await replace({ row, expected: old, sealed }, other)).toEqual(new Set([other.row]));
    expect(await replace()).toEqual(new Set());
    const [stored] = await database.stores.sealedBlobs.list(connections, { row, after: '', limit: 1 });
    expect(stored).toMatchObject({ blob: newer, version: 4 });
    const [replaced] = await database.stores.sealedBlobs.list(connections, { row: other.row, after: '', limit: 1 });
    expect(replaced).toMatchObject({ blob: other.sealed });
  });

  it('finds values by key through an index', async () => {
    const statement = `select connection_ref from connection where sealed_credential is not null
      and substr(sealed_credential, 5, 4) = ${fixture.engine === 'postgres' ? "'\\x00000001'" : "x'00000001'"}
      and connection_ref > '' order by connection_ref limit 200`;
    // A table this small is read as a whole unless that is forbidden.
    const [explain, at] =
      fixture.engine === 'postgres'
        ? ['explain', `${url}?options=${encodeURIComponent('-c enable_seqscan=off')}`]
        : ['explain query plan', url];
    const plan = JSON.stringify(await fixture.runSql(at, `${explain} ${statement}`));
    expect(plan).toContain('connection_data_key');
  });
});
