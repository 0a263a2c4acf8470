import { toEpochMs } from '@nexus/core/clock';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Flow } from '../domain/authorization-flow.js';
import type { Connection } from '../domain/connection.js';
import type { Database, Stores } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import {
  createHashText,
  createId,
  createSealed,
  insertConnection,
  insertFlow,
  insertProvider,
} from './store-fixture.js';

const lifetimeMs = 600_000;

describeEachDatabase('flow store', (open) => {
  let database: Database;
  let connection: Connection;
  let clockOffsetMs = 0;
  beforeAll(async () => {
    database = await open({ poolSize: 32, clockOffsetMs: () => clockOffsetMs });
  });
  beforeEach(async () => {
    clockOffsetMs = 0;
    const provider = await insertProvider(database);
    connection = await insertConnection(database, provider.providerId);
  });

  const change = <T>(work: (flows: Stores['flows']) => Promise<T>): Promise<T> =>
    database.transaction((stores) => work(stores.flows));
  const find = async (flow: Flow): Promise<Flow> => {
    const found = await database.stores.flows.findById(flow.flowId);
    if (found === null) throw new Error('the flow is gone');
    return found;
  };
  const createRequest = (flow: Flow, cookieHash = createHashText()) => ({
    flowId: flow.flowId,
    cookieHash,
    stateHash: createHashText(),
    redirectUri: 'https://broker.example/callback',
    sealedSecrets: createSealed('flow secrets'),
  });
  const insertClaimed = async (values: Partial<Flow> = {}): Promise<{ flow: Flow; stateHash: string }> => {
    const flow = await insertFlow(database, connection, values);
    const request = createRequest(flow);
    expect(await change((flows) => flows.claim(request))).toBe(true);
    return { flow: await find(flow), stateHash: request.stateHash };
  };
  const insertAwaiting = async (): Promise<{ flow: Flow; handleHash: string }> => {
    const { flow } = await insertClaimed();
    const handleHash = createHashText();
    const sealedResult = createSealed('result');
    const input = { flowId: flow.flowId, handleHash, handleSeconds: 120, sealedResult, from: 'claimed' as const };
    expect(await change((flows) => flows.awaitCompletion(input))).toBe(true);
    return { flow: await find(flow), handleHash };
  };

  it('gives back a flow as it was inserted, with ten minutes by the database clock', async () => {
    const before = toEpochMs(await database.now());
    const flow = await insertFlow(database, connection, { loginHint: 'somebody', scopes: ['a', 'b'] });
    expect(await find(flow)).toEqual(flow);
    expect(toEpochMs(flow.expiresAt) - before).toBeGreaterThanOrEqual(lifetimeMs);
    expect(toEpochMs(flow.expiresAt) - before).toBeLessThan(lifetimeMs + 10_000);
    expect(await database.stores.flows.findByTicketHash(flow.ticketHash)).toEqual(flow);
    expect(await database.stores.flows.findByTicketHash(createHashText())).toBeNull();
  });

  it('allows any number of flows without state and handle, and a ticket once', async () => {
    const flow = await insertFlow(database, connection);
    await insertFlow(database, connection);
    await expect(insertFlow(database, connection, { ticketHash: flow.ticketHash })).rejects.toThrow();
  });

  it('counts anonymous flows that brought nothing home, ended ones too, by address and in all', async () => {
    const source = createId();
    const counts = (): Promise<number[]> =>
      Promise.all([database.stores.flows.countFruitless(source), database.stores.flows.countFruitless(null)]);
    const [, before = 0] = await counts();
    await insertFlow(database, connection, { source });
    await insertClaimed({ source });
    await insertFlow(database, connection, { source, requestedBy: 'key' });
    const ended = await insertFlow(database, connection, { source });
    await change((flows) => flows.finish({ flowId: ended.flowId, status: 'failed' }));
    const fruitful = await insertFlow(database, connection, { source });
    await change((flows) => flows.finish({ flowId: fruitful.flowId, status: 'done' }));
    expect(await counts()).toEqual([3, before + 3]);
    clockOffsetMs = lifetimeMs + 1000;
    expect(await counts()).toEqual([0, 0]);
  });

  describe('claim', () => {
    it('lets exactly one of 32 browsers claim a flow', async () => {
      const flow = await insertFlow(database, connection);
      const requests = Array.from({ length: 32 }, () => createRequest(flow));
      const results = await Promise.all(requests.map((request) => change((flows) => flows.claim(request))));
      expect(results.filter(Boolean)).toHaveLength(1);
      const winner = requests[results.indexOf(true)];
      expect(await find(flow)).toMatchObject({
        status: 'claimed',
        cookieHash: winner?.cookieHash,
        stateHash: winner?.stateHash,
        sealedSecrets: Buffer.from('flow secrets'),
      });
    });

    it('refuses an expired flow', async () => {
      const flow = await insertFlow(database, connection);
      clockOffsetMs = lifetimeMs + 1000;
      expect(await change((flows) => flows.claim(createRequest(flow)))).toBe(false);
    });
  });

  describe('replaceRequest', () => {
    it('gives the browser that holds the cookie a new state, and ends the old one', async () => {
      const { flow, stateHash } = await insertClaimed();
      const request = createRequest(flow, flow.cookieHash ?? '');
      expect(await change((flows) => flows.replaceRequest(request))).toBe(true);
      expect(await change((flows) => flows.consumeState(stateHash))).toBeNull();
      expect((await change((flows) => flows.consumeState(request.stateHash)))?.flowId).toBe(flow.flowId);
    });

    it('refuses another browser, an open flow and an expired one', async () => {
      const { flow } = await insertClaimed();
      expect(await change((flows) => flows.replaceRequest(createRequest(flow)))).toBe(false);
      const unclaimed = await insertFlow(database, connection);
      expect(await change((flows) => flows.replaceRequest(createRequest(unclaimed)))).toBe(false);
      clockOffsetMs = lifetimeMs + 1000;
      expect(await change((flows) => flows.replaceRequest(createRequest(flow, flow.cookieHash ?? '')))).toBe(false);
      expect(await find(flow)).toEqual(flow);
    });
  });

  describe('consumeState', () => {
    it('lets exactly one of 32 callbacks with the same state through, with the secrets', async () => {
      const { flow, stateHash } = await insertClaimed();
      const results = await Promise.all(
        Array.from({ length: 32 }, () => change((flows) => flows.consumeState(stateHash))),
      );
      expect(results.filter((result) => result !== null)).toEqual([flow]);
      expect(await find(flow)).toMatchObject({ status: 'exchanging', stateHash: null, sealedSecrets: null });
      expect(await database.stores.flows.findByStateHash(stateHash)).toBeNull();
    });

    it('leaves an expired flow alone', async () => {
      const { flow, stateHash } = await insertClaimed();
      clockOffsetMs = lifetimeMs + 1000;
      expect(await change((flows) => flows.consumeState(stateHash))).toBeNull();
      expect(await find(flow)).toEqual(flow);
    });

    it('finds nothing for an unknown state', async () => {
      expect(await change((flows) => flows.consumeState(createHashText()))).toBeNull();
    });
  });

  it('lets exactly one of 32 submissions use a ticket, and none after it expired', async () => {
    const flow = await insertFlow(database, connection, { kind: 'static' });
    const results = await Promise.all(
      Array.from({ length: 32 }, () => change((flows) => flows.consumeTicket(flow.flowId))),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
    expect((await find(flow)).status).toBe('done');
    const late = await insertFlow(database, connection, { kind: 'static' });
    clockOffsetMs = lifetimeMs + 1000;
    expect(await change((flows) => flows.consumeTicket(late.flowId))).toBe(false);
  });

  describe('bound completion', () => {
    it('waits from the given status only', async () => {
      const { flow } = await insertClaimed();
      const input = { flowId: flow.flowId, handleHash: createHashText(), handleSeconds: 120 };
      const sealedResult = createSealed('result');
      expect(await change((flows) => flows.awaitCompletion({ ...input, sealedResult, from: 'exchanging' }))).toBe(
        false,
      );
      expect((await find(flow)).status).toBe('claimed');
    });

    it('lets exactly one of 32 completions have the result, and keeps nothing of it', async () => {
      const { flow, handleHash } = await insertAwaiting();
      expect(flow.sealedResult).toEqual(Buffer.from('result'));
      const results = await Promise.all(
        Array.from({ length: 32 }, () => change((flows) => flows.consumeHandle(handleHash))),
      );
      expect(results.filter((result) => result !== null)).toEqual([flow]);
      expect(await find(flow)).toMatchObject({ status: 'done', handleHash: null, sealedResult: null });
      expect(await database.stores.flows.findByHandleHash(handleHash)).toBeNull();
    });

    it('hands an uncompleted result to exactly one of 32 sweepers once its handle has run out', async () => {
      const { flow, handleHash } = await insertAwaiting();
      const listed = async (): Promise<boolean> =>
        (await database.stores.flows.listUncompleted(1000)).some((other) => other.flowId === flow.flowId);
      expect(await listed()).toBe(false);
      clockOffsetMs = 121_000;
      expect(await listed()).toBe(true);
      expect(await change((flows) => flows.consumeHandle(handleHash))).toBeNull();
      const results = await Promise.all(
        Array.from({ length: 32 }, () => change((flows) => flows.takeUncompleted(flow.flowId))),
      );
      expect(results.filter((result) => result !== null)).toEqual([flow]);
      expect(await find(flow)).toMatchObject({ status: 'discarding', handleHash: null });
      expect(await listed()).toBe(false);
    });

    it('lets another sweeper take up a discard whose taker died, until it is finished', async () => {
      const { flow } = await insertAwaiting();
      const take = () => change((flows) => flows.takeUncompleted(flow.flowId));
      expect(await take()).toEqual(flow);
      expect(await take()).toBeNull();
      clockOffsetMs = 61_000;
      expect(await take()).toMatchObject({ status: 'discarding', sealedResult: Buffer.from('result') });
      expect(await change((flows) => flows.finish({ flowId: flow.flowId, status: 'failed' }))).toBe(true);
      clockOffsetMs = 200_000;
      expect(await take()).toBeNull();
      expect(await find(flow)).toMatchObject({ status: 'failed', sealedResult: null });
    });

    it('is not ended by whatever else fails in its flow: a grant at the provider hangs on it', async () => {
      const { flow, handleHash } = await insertAwaiting();
      expect(await change((flows) => flows.finish({ flowId: flow.flowId, status: 'failed' }))).toBe(false);
      expect(await change((flows) => flows.consumeHandle(handleHash))).not.toBeNull();
    });

    it('gives the result to the completion or to the sweeper, never to both', async () => {
      for (let round = 0; round < 10; round++) {
        const { flow, handleHash } = await insertAwaiting();
        const results = await Promise.all([
          change((flows) => flows.consumeHandle(handleHash)),
          change((flows) => flows.takeUncompleted(flow.flowId)),
        ]);
        expect(results.filter((result) => result !== null)).toHaveLength(1);
      }
    });
  });

  it('finishes once and erases every secret of the flow', async () => {
    const { flow } = await insertClaimed();
    const finish = (status: 'done' | 'failed'): Promise<boolean> =>
      change((flows) => flows.finish({ flowId: flow.flowId, status }));
    expect(await finish('failed')).toBe(true);
    expect(await finish('done')).toBe(false);
    expect(await find(flow)).toMatchObject({
      status: 'failed',
      cookieHash: null,
      stateHash: null,
      sealedSecrets: null,
      handleHash: null,
      handleExpiresAt: null,
      sealedResult: null,
    });
  });

  it('gives exactly ten of 32 entries at once a number, and none once the flow is over', async () => {
    const flow = await insertFlow(database, connection);
    const reserve = (flowId: string) => change((flows) => flows.reserveAttempt({ flowId, max: 10 }));
    const numbers = await Promise.all(Array.from({ length: 32 }, () => reserve(flow.flowId)));
    const given = numbers.filter((number) => number !== null);
    expect(given.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const ended = await insertFlow(database, connection);
    await change((flows) => flows.finish({ flowId: ended.flowId, status: 'failed' }));
    expect(await reserve(ended.flowId)).toBeNull();
    expect(await reserve(createId())).toBeNull();
  });

  it('purges what ended long ago, but no result that still waits to be revoked', async () => {
    const open = await insertFlow(database, connection);
    const done = await insertFlow(database, connection);
    await change((flows) => flows.finish({ flowId: done.flowId, status: 'done' }));
    const { flow: awaiting } = await insertAwaiting();
    const purge = (): Promise<number> =>
      change((flows) => flows.purgeFinished({ olderThanSeconds: 3600, limit: 1000 }));
    clockOffsetMs = lifetimeMs + 3_500_000;
    await purge();
    expect(await database.stores.flows.findById(done.flowId)).not.toBeNull();
    clockOffsetMs = lifetimeMs + 3_700_000;
    expect(await purge()).toBeGreaterThanOrEqual(2);
    expect(await database.stores.flows.findById(open.flowId)).toBeNull();
    expect(await database.stores.flows.findById(done.flowId)).toBeNull();
    expect(await database.stores.flows.findById(awaiting.flowId)).not.toBeNull();
  });

  it('purges no more at a time than asked', async () => {
    for (let i = 0; i < 3; i++) await insertFlow(database, connection);
    clockOffsetMs = lifetimeMs + 1000;
    expect(await change((flows) => flows.purgeFinished({ olderThanSeconds: 0, limit: 2 }))).toBe(2);
  });
});
