import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeVerifierKey } from '@nexus/audit-chain/signed-note';
import { systemClock, toInstant } from '@nexus/core/clock';
import { createKeyRing } from '@nexus/vault/key-ring';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readEntries } from '../keyring/replica-fixture.js';
import type { Database } from '../stores/database.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { openFirstKeyProvider } from './open-key-provider.js';
import { openKeyRing } from './open-key-ring.js';

describeEachDatabase('the key ring at a start', (open) => {
  let database: Database;
  let dataDir: string;
  const settings = () => ({
    config: { dataDir, keyProvider: 'file' as const, keyFile: null, keyCommand: null },
    secrets: { encryptionKey: null },
  });
  /** A start that gets no further. */
  const start = () => openKeyRing({ ...settings(), database, clock: systemClock });

  beforeEach(async () => {
    database = await open();
    dataDir = await mkdtemp(join(tmpdir(), 'nexus-key-ring-'));
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  async function expectAnnounced(ids: readonly string[]): Promise<void> {
    const { vault } = await start();
    const entries = await readEntries(database, 'vault.key_added');
    expect(entries.map(({ resource_id }) => resource_id)).toEqual(ids);
    expect(entries.at(-1)).toMatchObject({ actor: { type: 'system' }, data: { purpose: 'checkpoint' } });
    const { publicKey } = vault.sign(new Uint8Array(1));
    expect(decodeVerifierKey(entries.at(-1).data.public_key)).toEqual({ name: `nexus-${ids.at(-1)}`, publicKey });
    for (const { entry } of await database.stores.audit.list({ limit: 9 })) {
      expect([...vault.mac(entry.entryHash, entry.macKey).mac]).toEqual([...entry.mac]);
    }
  }

  it('names the first keys in the log, although the start that made them died right after', async () => {
    await start();
    await expectAnnounced(['1', '2', '3', '4', '5']);
  });

  it('names the checkpoint key that a ring of an earlier release gets', async () => {
    const now = toInstant(systemClock.now());
    const provider = await openFirstKeyProvider(settings(), now);
    const rows = (await createKeyRing({ provider, now })).filter(({ purpose }) => purpose !== 'checkpoint');
    await database.transaction(async ({ keyRing }) => {
      for (const row of rows) await keyRing.insert(row);
    });
    await start();
    await expectAnnounced(['5']);
  });

  it('stores no key it could not name in the log', async () => {
    const { transaction } = database;
    const refuse = () => Promise.reject(new Error('no entry'));
    const refusing: Database = {
      ...database,
      transaction: (work) =>
        transaction((stores) => work(Object.create(stores, { audit: { value: { ...stores.audit, insert: refuse } } }))),
    };
    await expect(openKeyRing({ ...settings(), database: refusing, clock: systemClock })).rejects.toThrow('no entry');
    expect(await database.stores.keyRing.list()).toEqual([]);
  });
});
