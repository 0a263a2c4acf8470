import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerStaticProvider, requestConnection } from '../support/fixtures.js';
import {
  type AnsweringBroker,
  addKeyLine,
  appendKeyLine,
  postVault,
  readRing,
  takeStep,
  waitForResealing,
} from '../support/key-ring.js';
import { type Replica, startReplica } from '../support/replica.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const staticConnections = 5;

describe('K8: three Brokers on postgres, one with a key file of its own', () => {
  let stack: Stack;
  let replicas: Replica[];
  let lagging: Replica;
  let laggingId = '';
  let ownKeyFile: string;
  const held = new Map<string, string>();

  beforeAll(async () => {
    stack = await startStack({ engine: 'postgres', brokerEnv: { BACKUP_RETENTION_DAYS: '0' } });
    const known = (await readRing(stack)).replicas.map(({ id }) => id);
    ownKeyFile = join(stack.dataDir, 'own.key');
    await copyFile(join(stack.dataDir, 'kek.key'), ownKeyFile);
    lagging = await startReplica(stack, { keyFile: ownKeyFile });
    laggingId = (await readRing(stack)).replicas.find(({ id }) => !known.includes(id))?.id ?? '';
    replicas = [await startReplica(stack), lagging];
    await registerStaticProvider(stack);
    for (let index = 0; index < staticConnections; index++) {
      const { connection_id, state } = await requestConnection(stack, { provider_name: 'acme-key' });
      const credentials = { api_key: `fixture-key-${index}` };
      await stack.gateway('POST', '/v1/capture-credential', { body: { state, credentials } });
      held.set(connection_id, credentials.api_key);
    }
  });
  afterAll(async () => {
    await Promise.all((replicas ?? []).map((replica) => replica.close()));
    await stack?.close();
  });

  async function expectReadableEverywhere(): Promise<void> {
    for (const place of [stack, ...replicas]) {
      for (const [id, key] of held) {
        const answer = await place.gateway('GET', `/v1/token/${id}`);
        expect([answer.status, answer.body.credentials]).toEqual([200, { api_key: key }]);
      }
    }
  }

  const waitForKek = (id: string, broker: AnsweringBroker = stack) =>
    waitFor(`every replica holds ${id}`, async () => {
      const { replicas: reports } = await readRing(broker);
      return reports.length === 3 && reports.every(({ keks }) => keks.includes(id)) ? true : null;
    });

  it('shows every replica and what it holds', async () => {
    const { replicas: reports, keks } = await readRing(stack);
    expect(reports.map(({ keks: held }) => held)).toEqual([[keks[0]?.id], [keks[0]?.id], [keks[0]?.id]]);
    expect(laggingId).not.toBe('');
  });

  it('refuses to promote a key one replica lacks, and names that replica', async () => {
    const line = await addKeyLine(join(stack.dataDir, 'kek.key'), 'kek-next');
    expect(await takeStep(stack, 'keks', { id: 'kek-next' })).toBe('201');
    const refused = await postVault(stack, 'keks/kek-next/promote');
    expect([refused.status, refused.body.code]).toEqual([409, 'replicas_behind']);
    expect(refused.body.message).toContain(laggingId);
    expect(refused.headers.get('retry-after')).not.toBeNull();
    const [firstKek] = (await readRing(stack)).keks;
    expect(firstKek).toMatchObject({ state: 'primary', data_keys: 5 });
    await expectReadableEverywhere();

    await appendKeyLine(ownKeyFile, line);
    await waitForKek('kek-next', lagging);
    expect(await takeStep(lagging, 'keks/kek-next/promote')).toBe('200');
    expect(await takeStep(stack, `keks/${firstKek?.id}/retire`)).toBe('200');
    await expectReadableEverywhere();
    expect(await readFile(ownKeyFile, 'utf8')).toContain(line);
  });

  it('a replica that was killed does not stand in the way for long, and cannot come back without the key', async () => {
    await lagging.killBroker();
    const line = await addKeyLine(join(stack.dataDir, 'kek.key'), 'kek-third');
    expect(await takeStep(stack, 'keks', { id: 'kek-third' })).toBe('201');
    expect(await takeStep(stack, 'keks/kek-third/promote')).toBe('409 replicas_behind');
    await waitFor(
      'the killed replica counts as gone',
      async () => ((await takeStep(stack, 'keks/kek-third/promote')) === '200' ? true : null),
      30_000,
    );
    await expect(lagging.startBroker()).rejects.toThrow('kek-third');
    await appendKeyLine(ownKeyFile, line);
    await lagging.startBroker();
    await expectReadableEverywhere();
  });

  it('rotates data keys with all three at work, each re-sealed value readable everywhere at once', async () => {
    const rotated = await postVault(lagging, 'rotate', { purposes: ['cred', 'provider', 'flow'] });
    expect(rotated.status).toBe(200);
    await expectReadableEverywhere();
    await waitForResealing(stack, [1, 2, 3]);
    await expectReadableEverywhere();
  });

  it('a replica learns of a key with the first value it meets under it', async () => {
    const { keys } = await readRing(stack);
    const id = keys.find((key) => key.purpose === 'cred' && key.state === 'active')?.id ?? 0;
    // Does not wait for the replicas; a stopped process learns of nothing meanwhile.
    process.kill(lagging.brokerPid(), 'SIGSTOP');
    try {
      expect((await postVault(stack, `keys/${id}/compromise`)).status).toBe(200);
      await waitFor('nothing is under the old key', async () => {
        const ring = await readRing(stack);
        return ring.keys.find((key) => key.id === id)?.rows === 0 ? true : null;
      });
    } finally {
      process.kill(lagging.brokerPid(), 'SIGCONT');
    }
    await expectReadableEverywhere();
  });
});
