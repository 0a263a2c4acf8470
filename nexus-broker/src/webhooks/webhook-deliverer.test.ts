import { Webhook as ReferenceWebhook } from 'standardwebhooks';
import { afterEach, expect, it } from 'vitest';
import { deleteWebhook } from '../services/webhooks/delete-webhook.js';
import { replayWebhookDelivery } from '../services/webhooks/replay-webhook-delivery.js';
import { rotateWebhookSecret } from '../services/webhooks/rotate-webhook-secret.js';
import { updateWebhook } from '../services/webhooks/update-webhook.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { context, type Registered, WebhookRig } from './webhook-fixture.js';

const hourMs = 3_600_000;

describeEachDatabase('the delivery of events', (open, fixture) => {
  let rig: WebhookRig;
  let offsetMs = 0;

  async function start(): Promise<WebhookRig> {
    offsetMs = 0;
    rig = await WebhookRig.open(await open({ clockOffsetMs: () => offsetMs }));
    return rig;
  }
  afterEach(() => rig[Symbol.asyncDispose]());

  const flow = (path: string, ref: string) =>
    rig
      .received(path)
      .filter((event) => event.ref === ref)
      .map(({ status }) => status);

  function verify({ path, secret }: Registered, index = 0): unknown {
    const request = rig.receiver.requests(path)[index];
    if (request === undefined) throw new Error('nothing was received');
    return new ReferenceWebhook(secret).verify(request.body, request.headers as Record<string, string>);
  }

  it('is signed as the reference library verifies it, and tells what happened and no more', async () => {
    await start();
    rig.receiver.answer('/hook', {});
    const webhook = await rig.register('/hook');
    const ref = await rig.connect();
    await rig.deliver();
    expect(verify(webhook)).toEqual({
      type: 'connection.active',
      timestamp: expect.stringMatching(/^20.*Z$/),
      data: { connection_ref: ref, provider_name: rig.providerName, workspace_id: 'workspace', status: 'active' },
    });
    expect(rig.receiver.requests('/hook')[0]?.headers['webhook-id']).toMatch(/^msg_[0-9A-Z]{26}$/);
    const another = { ...webhook, secret: `whsec_${Buffer.alloc(32, 1).toString('base64')}` };
    expect(() => verify(another)).toThrow(/signature/i);
    await rig.flap(ref);
    await rig.deliver();
    expect(verify(webhook, 1)).toMatchObject({ data: { status: 'attention', reason: 'grant_revoked' } });
    expect(rig.errors).toEqual([]);
  });

  it('is signed with two secrets while one replaces the other, and with one after that', async () => {
    await start();
    rig.receiver.answer('/hook', {});
    const before = await rig.register('/hook');
    const rotate = (overlapSeconds: number) =>
      rotateWebhookSecret(rig.deps, { webhookId: before.webhookId, overlapSeconds }, context);
    const second = { ...before, secret: (await rotate(60)).secret };
    await rig.connect();
    await rig.deliver();
    verify(before);
    verify(second);
    const third = { ...before, secret: (await rotate(0)).secret };
    await rig.connect();
    await rig.deliver();
    verify(third, 1);
    expect(() => verify(second, 1)).toThrow(/signature/i);
    expect(() => verify(before, 1)).toThrow(/signature/i);
  });

  it('waits for a receiver that is down, and brings each event once and in order when it is back', async () => {
    await start();
    rig.receiver.answer('/hook', { status: 503 });
    const { webhookId } = await rig.register('/hook');
    const refs = [await rig.connect(), await rig.connect(), await rig.connect()];
    for (const ref of refs) await rig.flap(ref);
    for (let minute = 0; minute < 8; minute++) {
      await rig.deliver();
      offsetMs += 60_000;
    }
    const tried = rig.received('/hook');
    expect(new Set(tried.map(({ id }) => id)).size, 'only the first event of each connection was tried').toBe(3);
    rig.receiver.answer('/hook', {});
    offsetMs += hourMs;
    await rig.deliver();
    const arrived = rig.received('/hook').slice(tried.length);
    for (const ref of refs) {
      expect(arrived.filter((event) => event.ref === ref).map(({ status }) => status)).toEqual([
        'active',
        'attention',
        'active',
      ]);
    }
    expect(arrived).toHaveLength(9);
    const deliveries = await rig.deliveries(webhookId);
    expect(new Set(deliveries.map(({ status, lastError }) => `${status} ${lastError}`))).toEqual(
      new Set(['delivered null']),
    );
  });

  it('goes on to others while one receiver takes events and never answers', async () => {
    await start();
    rig.receiver.answer('/dead', { endless: 'silent' });
    rig.receiver.answer('/hook', {});
    await rig.register('/dead');
    await rig.register('/hook');
    const refs = [];
    for (let index = 0; index < 6; index++) refs.push(await rig.connect());
    await rig.deliverer.run();
    await expect
      .poll(() =>
        rig
          .received('/hook')
          .map(({ ref }) => ref)
          .sort(),
      )
      .toEqual([...refs].sort());
    expect(rig.received('/dead').length).toBeLessThanOrEqual(4);
    const closed = rig.deliverer.close();
    await closed;
  });

  it('is tried for three days, then given up, and the next event of the connection goes out', async () => {
    await start();
    rig.receiver.answer('/hook', { status: 500 });
    const { webhookId } = await rig.register('/hook', ['connection.active', 'connection.revoked']);
    const ref = await rig.connect();
    await rig.revoke(ref);
    const times: number[] = [];
    for (let tries = 0; tries < 100 && !flow('/hook', ref).includes('revoked'); tries++) {
      const count = rig.received('/hook').length;
      await rig.deliver();
      if (rig.received('/hook').length > count) times.push(offsetMs);
      offsetMs += hourMs;
    }
    expect(flow('/hook', ref).slice(-2)).toEqual(['active', 'revoked']);
    const gaveUpAfterHours = Math.max(...times) / hourMs;
    expect(gaveUpAfterHours).toBeGreaterThan(65);
    expect(gaveUpAfterHours).toBeLessThan(80);
    const [, first] = await rig.deliveries(webhookId);
    expect(first).toMatchObject({ status: 'failed', lastStatus: 500, lastError: 'http_500', attempts: 13 });
    expect(await readAudit('webhook.failed')).toMatchObject([
      { connection_ref: ref, data: { webhook_id: webhookId, attempts: 13, upstream_status: 500, deactivated: false } },
    ]);
  });

  it('stops at 410, which switches the webhook off, and starts again where an admin switches it on', async () => {
    await start();
    rig.receiver.answer('/hook', { status: 410 });
    const { webhookId } = await rig.register('/hook');
    const ref = await rig.connect();
    await rig.flap(ref);
    await rig.deliver();
    expect(flow('/hook', ref)).toEqual(['active']);
    await rig.revoke(ref);
    expect(await rig.deps.database.stores.webhooks.findById(webhookId)).toMatchObject({ active: false });
    expect(await readAudit('webhook.failed')).toMatchObject([{ data: { deactivated: true, upstream_status: 410 } }]);
    rig.receiver.answer('/hook', {});
    await updateWebhook(rig.deps, { webhookId, url: null, events: null, active: true }, context);
    await rig.deliver();
    expect(flow('/hook', ref)).toEqual(['active', 'attention', 'active']);
  });

  it('counts an answer by its status, however long its body, and follows no redirect', async () => {
    await start();
    const script = { status: 307, headers: { location: rig.receiver.url('/elsewhere') } };
    rig.receiver.answer('/moved', script);
    rig.receiver.answer('/long', { body: 'x'.repeat(40_000) });
    const moved = await rig.register('/moved');
    const long = await rig.register('/long');
    await rig.connect();
    await rig.deliver();
    expect(await rig.deliveries(moved.webhookId)).toMatchObject([{ status: 'pending', lastError: 'http_307' }]);
    expect(await rig.deliveries(long.webhookId)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
    expect(rig.receiver.requests('/elsewhere')).toHaveLength(0);
  });

  it('happens again when an admin asks for it, under the same id', async () => {
    await start();
    rig.receiver.answer('/hook', {});
    const { webhookId } = await rig.register('/hook');
    await rig.connect();
    await rig.deliver();
    const [{ id: deliveryId } = { id: '' }] = rig.received('/hook');
    await replayWebhookDelivery(rig.deps, { webhookId, deliveryId });
    await rig.deliver();
    expect(rig.received('/hook').map(({ id }) => id)).toEqual([deliveryId, deliveryId]);
    const unknown = replayWebhookDelivery(rig.deps, { webhookId, deliveryId: 'msg_unknown' });
    await expect(unknown).rejects.toMatchObject({ code: 'delivery_not_found' });
  });

  it('ends with the webhook', async () => {
    await start();
    rig.receiver.answer('/hook', {});
    const { webhookId } = await rig.register('/hook');
    await rig.connect();
    await deleteWebhook(rig.deps, { webhookId }, context);
    await rig.deliver();
    expect(rig.received('/hook')).toEqual([]);
    const { database } = rig.deps;
    const purge = () => database.transaction((stores) => stores.webhookDeliveries.purge({ secondsAgo: 60, limit: 10 }));
    expect([await purge(), await purge()]).toEqual([1, 0]);
  });

  // Only PostgreSQL lets more than one Broker open the database.
  const withTwoBrokers = () =>
    it('keeps its order and misses nothing with two Brokers at it', async () => {
      const url = await fixture.createUrl();
      rig = await WebhookRig.open(await open({ url }));
      rig.receiver.answer('/hook', () => ({ delayMs: Math.random() * 8 }));
      const { webhookId } = await rig.register('/hook');
      const replica = rig.addReplica(await open({ url, migrate: false }));
      const refs: string[] = [];
      for (let index = 0; index < 8; index++) refs.push(await rig.connect());
      const changing = Promise.all(
        refs.map(async (ref) => {
          for (let round = 0; round < 4; round++) await rig.flap(ref);
        }),
      );
      const isDone = async () => (await rig.deliveries(webhookId)).every(({ status }) => status === 'delivered');
      for (let isChanging = true; isChanging || !(await isDone()); ) {
        const wait = changing.then(() => false);
        await Promise.all([rig.deliverer.run(), replica.run()]);
        isChanging = await Promise.race([
          wait,
          new Promise<boolean>((resolve) => setTimeout(() => resolve(isChanging), 5)),
        ]);
      }
      const expected = ['active', ...Array.from({ length: 4 }, () => ['attention', 'active']).flat()];
      for (const ref of refs) expect(flow('/hook', ref)).toEqual(expected);
      expect(rig.errors).toEqual([]);
    });
  if (fixture.engine === 'postgres') withTwoBrokers();

  async function readAudit(eventType: string): Promise<readonly object[]> {
    const rows = await rig.deps.database.stores.audit.list({ eventTypes: [eventType], limit: 10 });
    return rows.map(({ entry }) => JSON.parse(entry.entry));
  }
});
