import { expect, it } from 'vitest';
import {
  ChangingKeys,
  createKek,
  createRing,
  digest,
  plantValues,
  startBroker,
} from '../../keyring/replica-fixture.js';
import { describeEachDatabase } from '../../stores/describe-each-database.js';
import { listStoredBlobs } from './list-stored-blobs.js';

describeEachDatabase('the list of stored blobs', (open) => {
  it('shows every value the log remembers once, page by page, and no other', async () => {
    const database = await open();
    const keys = new ChangingKeys({ 'kek-1': createKek() });
    await createRing(database, keys);
    const { vault } = await startBroker(database, keys);
    const { connections, providerId } = await plantValues(database, vault, 5);
    const all = await listStoredBlobs({ database }, { row: null, limit: 5_000, cursor: null });
    expect(all.nextCursor).toBeNull();
    expect(all.blobs.map(({ table, keyId }) => [table, keyId])).toEqual([
      ['agent_session', 1],
      ...Array.from({ length: 5 }, () => ['connection', 1]),
      ['provider', 2],
      ['webhook', 2],
    ]);
    const paged = [];
    let cursor: string | null = null;
    for (const limit of [1, 3, 2, 1, 4]) {
      const page = await listStoredBlobs({ database }, { row: null, limit, cursor });
      paged.push(...page.blobs);
      cursor = page.nextCursor;
      if (cursor === null) break;
    }
    expect(paged).toEqual(all.blobs);

    const [ref = ''] = connections.values();
    const stored = await database.stores.connections.findByRef(ref);
    if (stored?.sealedCredential == null) throw new Error('no credential');
    const one = await listStoredBlobs({ database }, { row: ref, limit: 10, cursor: null });
    expect(one).toEqual({
      blobs: [{ table: 'connection', row: ref, version: 1, keyId: 1, blobSha256: digest(stored.sealedCredential) }],
      nextCursor: null,
    });
    expect(await listStoredBlobs({ database }, { row: providerId, limit: 10, cursor: null })).toMatchObject({
      blobs: [{ table: 'provider', row: providerId }],
    });
  });

  it.each(['', 'flow/x', 'connection', 'x'.repeat(50)])('refuses the cursor %j', async (cursor) => {
    const database = await open();
    const listing = listStoredBlobs({ database }, { row: null, limit: 1, cursor });
    await expect(listing).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
