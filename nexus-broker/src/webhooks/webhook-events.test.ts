import { toInstant } from '@nexus/core/clock';
import { afterEach, expect, it } from 'vitest';
import { expirePending } from '../services/connections/expire-pending.js';
import { createWebhook } from '../services/webhooks/create-webhook.js';
import { updateWebhook } from '../services/webhooks/update-webhook.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { createCredentialInput, createSealed, insertFlow } from '../stores/store-fixture.js';
import { context, WebhookRig } from './webhook-fixture.js';

describeEachDatabase('events of connections', (open, fixture) => {
  let rig: WebhookRig;
  afterEach(() => rig[Symbol.asyncDispose]());

  /** What the outbox holds for a webhook, oldest first. */
  async function told(webhookId: string) {
    const deliveries = [...(await rig.deliveries(webhookId))];
    return deliveries
      .sort((a, b) => a.position - b.position)
      .map(({ payload }) => {
        const { data } = JSON.parse(payload);
        return data.reason === undefined ? data.status : `${data.status} ${data.reason}`;
      });
  }

  const find = async (ref: string) => {
    const connection = await rig.deps.database.stores.connections.findByRef(ref);
    if (connection === null) throw new Error('no connection');
    return connection;
  };

  it('are kept with the change they tell of, and not without it', async () => {
    rig = await WebhookRig.open(await open());
    const { database } = rig.deps;
    const { webhookId } = await rig.register('/hook');
    const ref = await rig.connect();
    await rig.flap(ref);
    const refreshed = createCredentialInput(await find(ref), {
      expectedVersion: (await find(ref)).version,
      from: ['active'],
      isRefresh: true,
    });
    await database.transaction((stores) => stores.connections.storeCredential(refreshed));
    const undone = database.transaction(async (stores) => {
      await stores.connections.markRevoked({ connectionRef: ref, at: toInstant(Date.now()) });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await told(webhookId)).toEqual(['active', 'attention grant_revoked', 'active']);
    await rig.revoke(ref);
    await rig.revoke(ref);
    expect(await told(webhookId)).toEqual(['active', 'attention grant_revoked', 'active', 'revoked']);
  });

  it('R4: tell of no renewal and no rotation beside a narrower token, but of what a late renewal brings back', async () => {
    rig = await WebhookRig.open(await open());
    const { database } = rig.deps;
    const { webhookId } = await rig.register('/hook');
    const ref = await rig.connect();
    const store = async (changes: Partial<Parameters<typeof createCredentialInput>[1]>) => {
      const connection = await find(ref);
      const input = createCredentialInput(connection, { expectedVersion: connection.version, ...changes });
      expect(await database.transaction((stores) => stores.connections.storeCredential(input))).toBe(true);
    };
    await store({ from: ['active'], isRefresh: false });
    await store({ from: ['active', 'attention'], isRefresh: true });
    expect(await told(webhookId)).toEqual(['active']);
    const { version } = await find(ref);
    const lost = {
      connectionRef: ref,
      expectedVersion: version,
      reason: 'lost_rotation',
      at: toInstant(Date.now()),
    } as const;
    await database.transaction((stores) => stores.connections.markAttention(lost));
    await store({ from: ['active', 'attention'], isRefresh: true });
    expect(await told(webhookId)).toEqual(['active', 'attention lost_rotation', 'active']);
    // Somebody connected it anew, whatever it was before.
    await store({ from: ['pending', 'active', 'attention'], isRefresh: false });
    expect(await told(webhookId)).toEqual(['active', 'attention lost_rotation', 'active', 'active']);
  });

  it('tell of a connection whose provider moved when an admin lets it back, not of one that never stopped', async () => {
    rig = await WebhookRig.open(await open());
    const { database } = rig.deps;
    const { webhookId } = await rig.register('/hook');
    const ref = await rig.connect();
    const rebind = async () => {
      const { version } = await find(ref);
      const input = {
        connectionRef: ref,
        expectedVersion: version,
        sealed: createSealed(),
        issuedOrigin: 'https://b.example',
      };
      return database.transaction((stores) => stores.connections.rebind({ ...input, at: toInstant(Date.now()) }));
    };
    expect(await rebind()).toBe(true);
    expect(await told(webhookId)).toEqual(['active']);
    const moved = {
      connectionRef: ref,
      expectedVersion: 2,
      reason: 'origin_changed',
      at: toInstant(Date.now()),
    } as const;
    expect(await database.transaction((stores) => stores.connections.markAttention(moved))).toBe(true);
    expect(await rebind()).toBe(true);
    expect(await told(webhookId)).toEqual(['active', 'attention origin_changed', 'active']);
  });

  it('go to those who want them and are active', async () => {
    rig = await WebhookRig.open(await open());
    const all = await rig.register('/all');
    const revoked = await rig.register('/revoked', ['connection.revoked']);
    const { webhookId } = await rig.register('/off');
    await updateWebhook(rig.deps, { webhookId, url: null, events: null, active: false }, context);
    await rig.revoke(await rig.connect());
    expect(await told(all.webhookId)).toEqual(['active', 'revoked']);
    expect(await told(revoked.webhookId)).toEqual(['revoked']);
    expect(await told(webhookId)).toEqual([]);
  });

  it('tell once of a connection that nobody finished, however many Brokers look', async () => {
    const url = await fixture.createUrl();
    rig = await WebhookRig.open(await open({ url }));
    const { database, clock } = rig.deps;
    const { webhookId } = await rig.register('/hook');
    const refs = [await rig.runOut(), await rig.runOut(), await rig.runOut()];
    const undecided = await find(await rig.runOut());
    await insertFlow(database, undecided, { status: 'exchanging' });
    const other = fixture.engine === 'postgres' ? await open({ url, migrate: false }) : database;
    await Promise.all([
      expirePending({ database, clock }),
      expirePending({ database: other, clock }),
      expirePending({ database, clock }),
    ]);
    const deliveries = await rig.deliveries(webhookId);
    expect(deliveries.map(({ connectionRef }) => connectionRef).sort()).toEqual([...refs].sort());
    expect(new Set(await told(webhookId))).toEqual(new Set(['failed expired']));
    expect(await find(refs[0] ?? '')).toMatchObject({ status: 'failed', reason: 'expired', pendingUntil: null });
    expect(await find(undecided.connectionRef)).toMatchObject({ status: 'pending' });
  });

  it('S-1, S-2: are sent to no address inside, neither at registration nor where the name has moved there since', async () => {
    const answers = [['93.184.216.34']];
    const resolve = async () => answers.shift() ?? ['127.0.0.1'];
    rig = await WebhookRig.open(await open(), { environment: 'production', resolve });
    const { port } = new URL(rig.receiver.origin);
    const register = (url: string) =>
      createWebhook(rig.deps, { url, events: ['connection.active'], active: true }, context);
    const { webhook } = await register(`https://rebinding.example:${port}/hook`);
    for (const host of ['10.0.0.1', '169.254.169.254', '[::1]', 'localhost', 'rebinding.example']) {
      await expect(register(`https://${host}/hook`), host).rejects.toMatchObject({ code: 'webhook_unsafe' });
    }
    await expect(register('http://93.184.216.34/hook')).rejects.toMatchObject({ code: 'webhook_unsafe' });
    const moving = { webhookId: webhook.webhookId, url: 'https://10.0.0.1/', events: null, active: null };
    await expect(updateWebhook(rig.deps, moving, context)).rejects.toMatchObject({ code: 'webhook_unsafe' });
    await rig.connect();
    await rig.deliver();
    expect(await rig.deliveries(webhook.webhookId)).toMatchObject([{ status: 'pending', lastError: 'unsafe_address' }]);
    expect(rig.receiver.connectionCount()).toBe(0);
  });
});
