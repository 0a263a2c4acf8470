import { rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashNote, isSignedBy, readSignedNote } from '@nexus/audit-chain/signed-note';
import { toInstant } from '@nexus/core/clock';
import { createDataKey } from '@nexus/vault/key-ring';
import { afterAll, beforeEach, expect, it } from 'vitest';
import type { StoredCheckpoint } from '../stores/audit-chain-store.js';
import type { Database } from '../stores/database.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { provider, SealingRig } from './sealing-fixture.js';

describeEachDatabase('writing checkpoints', (open) => {
  const rigs: SealingRig[] = [];
  let rig: SealingRig;
  beforeEach(async () => {
    rig = await SealingRig.open(await open());
    rigs.push(rig);
  });
  afterAll(async () => {
    for (const opened of rigs) await opened[Symbol.asyncDispose]();
  });

  const stored = (): Promise<StoredCheckpoint[]> =>
    rig.database.stores.auditChain.listCheckpoints({ from: null, to: null, limit: 1_000 });

  /** Checks every note against the chain, the one before it and the ring's keys. */
  async function expectSound(): Promise<void> {
    const chain = await rig.chain();
    let before: Uint8Array = new Uint8Array(32);
    const origins = new Set<string>();
    for (const { size, note, keyId, createdAt } of await stored()) {
      const signed = readSignedNote(note);
      const key = rig.vault.publicKeys().find((candidate) => candidate.keyId === keyId);
      if (signed === null || key === undefined) throw new Error('a note that cannot be read');
      expect(isSignedBy(signed, { name: `nexus-${keyId}`, publicKey: key.publicKey })).toBe(true);
      const { checkpoint } = signed;
      expect([checkpoint.size, checkpoint.createdAt]).toEqual([size, createdAt]);
      expect(Buffer.from(checkpoint.headHash)).toEqual(Buffer.from(chain[size - 1]?.link.hash ?? []));
      expect(Buffer.from(checkpoint.previousNoteHash)).toEqual(Buffer.from(before));
      before = hashNote(note);
      origins.add(checkpoint.origin);
    }
    expect([...origins]).toEqual([expect.stringMatching(/^nexus\/[0-9a-f]{16}$/)]);
  }

  it('covers what is sealed, each note carrying the one before, and writes none without news', async () => {
    const sealing = await rig.createSealing();
    const sizes: number[] = [];
    for (const count of [1, 5, 3]) {
      await rig.writeMany(count);
      await sealing.seal();
      sizes.push(await sealing.checkpoints.write());
      sizes.push(await sealing.checkpoints.write());
    }
    expect(sizes).toEqual([1, 1, 6, 6, 9, 9]);
    await expectSound();
    expect(sealing.announced).toEqual(await stored());
    expect(await rig.readCheckpointFile()).toEqual(
      (await stored()).map(({ size, createdAt, note }) => ({ size, created_at: createdAt, note })),
    );
  });

  it('keeps one line of notes when several Brokers sign at once', async () => {
    const sealings = await Promise.all(Array.from({ length: 5 }, () => rig.createSealing()));
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        sealings.map(async (sealing, index) => {
          await rig.writeMany(index + 1);
          await sealing.seal();
          await sealing.checkpoints.write();
        }),
      );
    }
    await expectSound();
    expect((await stored()).length).toBeGreaterThan(3);
    const announced = sealings.flatMap((sealing) => sealing.announced).sort((a, b) => a.size - b.size);
    expect(announced).toEqual(await stored());
  });

  it('waits for a checkpoint that another Broker is about to commit', async () => {
    const slow: Database = {
      ...rig.database,
      transaction: (work) =>
        rig.database.transaction(async (stores) => {
          const result = await work(stores);
          await sleep(300);
          return result;
        }),
    };
    const [first, second] = [await rig.createSealing(slow), await rig.createSealing()];
    await rig.writeMany(2);
    await first.position.follow();
    await second.seal();
    await first.position.follow();
    await rig.writeMany(1);
    await second.seal();
    const writing = first.checkpoints.write();
    await sleep(100);
    expect(await Promise.all([writing, second.checkpoints.write()])).toEqual([2, 3]);
    await expectSound();
  });

  it('signs with a newer key once there is one, under the name the log had', async () => {
    const sealing = await rig.createSealing();
    await rig.writeMany(1);
    await sealing.seal();
    await sealing.checkpoints.write();
    rig.rows.push(
      await createDataKey({
        provider,
        kekId: 'primary',
        id: 30,
        purpose: 'checkpoint',
        now: toInstant(Date.now() + 1),
        state: 'active',
      }),
    );
    await rig.vault.reload();
    await rig.writeMany(1);
    await sealing.seal();
    await sealing.checkpoints.write();
    expect((await stored()).map(({ keyId }) => keyId)).toEqual([5, 30]);
    await expectSound();
  });

  it('brings to the file later what did not get there, in order', async () => {
    const sealing = await rig.createSealing();
    await rig.writeMany(1);
    await sealing.seal();
    await rename(rig.checkpointPath(), `${rig.checkpointPath()}.away`);
    await expect(sealing.checkpoints.write()).rejects.toThrow('removed, replaced or cut');
    await rig.writeMany(1);
    await sealing.seal();
    await expect(sealing.checkpoints.write()).rejects.toThrow('removed, replaced or cut');
    expect((await stored()).map(({ size }) => size)).toEqual([1, 2]);
    await rename(`${rig.checkpointPath()}.away`, rig.checkpointPath());
    await sealing.checkpoints.flush();
    expect((await rig.readCheckpointFile()).map(({ size }) => size)).toEqual([1, 2]);
  });
});
