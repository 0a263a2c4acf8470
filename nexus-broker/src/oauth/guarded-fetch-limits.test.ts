import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createGuardFactory, failureOf } from './guard-fixture.js';

const guards = createGuardFactory();
const createGuard = guards.create;

afterEach(async () => {
  await guards.dispose();
  vi.unstubAllEnvs();
});

let provider: ScriptedProvider;
let port: string;

beforeAll(async () => {
  provider = await startScriptedProvider();
  port = new URL(provider.origin).port;
});
afterAll(() => provider.close());

const local = (path: string) => `http://127.0.0.1:${port}${path}`;

describe('R23: tells whether anything was sent', () => {
  it('refused connection: nothing', async () => {
    const dead = await startScriptedProvider();
    await dead.close();
    expect(await failureOf(createGuard().fetch(dead.url('/')))).toMatchObject({ reason: 'connect', wasSent: false });
  });

  it('dropped before an answer, within the head, within the body: in doubt', async () => {
    provider.answer('/drop', { drop: 'before' });
    provider.answer('/half', { drop: 'midway', body: 'x'.repeat(5000) });
    const guard = createGuard();
    const dropped = await failureOf(guard.fetch(local('/drop'), { method: 'POST', body: 'x' }));
    expect(dropped).toMatchObject({ reason: 'reset', wasSent: true, status: null });
    expect(await failureOf(guard.fetch(local('/half')))).toMatchObject({
      reason: 'reset',
      wasSent: true,
      status: 200,
    });
  });

  it('a deadline or an impatient caller after sending: in doubt; before sending: nothing', async () => {
    provider.answer('/late', { delayMs: 2_000 });
    const guard = createGuard({ timeouts: { totalMs: 100 } });
    expect(await failureOf(guard.fetch(local('/late')))).toMatchObject({ reason: 'timeout', wasSent: true });
    const seenBefore = provider.requests('/late').length;
    const aborted = guard.fetch(local('/late'), { signal: AbortSignal.abort() });
    expect(await failureOf(aborted)).toMatchObject({ reason: 'aborted', wasSent: false });
    const slowName = createGuard({ timeouts: { totalMs: 50 }, resolve: () => new Promise<never>(() => undefined) });
    const unresolved = slowName.fetch(`http://slow.localhost:${port}/late`);
    expect(await failureOf(unresolved)).toMatchObject({ reason: 'timeout', wasSent: false });
    expect(provider.requests('/late')).toHaveLength(seenBefore);
  });

  it('a connection that comes about after the deadline: nothing, then or later', async () => {
    await using late = await startScriptedProvider();
    late.answer('/token', { body: {} });
    let answerName: (addresses: readonly string[]) => void = () => undefined;
    const guard = createGuard({
      timeouts: { totalMs: 50 },
      resolve: () =>
        new Promise((resolve) => {
          answerName = resolve;
        }),
    });
    const call = guard.fetch(`http://slow.localhost:${new URL(late.origin).port}/token`, { method: 'POST', body: 'x' });
    expect(await failureOf(call)).toMatchObject({ reason: 'timeout', wasSent: false });
    answerName(['127.0.0.1']);
    await vi.waitFor(() => expect(late.connectionCount()).toBe(1));
    await vi.waitFor(() => expect(late.openConnections()).toBe(0));
    expect(late.requests()).toHaveLength(0);
  });

  it('a server that never finishes the TLS handshake: nothing', async () => {
    const guard = createGuard({ timeouts: { connectMs: 300, totalMs: 5_000 } });
    const failure = await failureOf(guard.fetch(`https://127.0.0.1:${port}/`, { method: 'POST', body: 'secret' }));
    expect(failure.wasSent).toBe(false);
    expect(['tls', 'timeout']).toContain(failure.reason);
  });
});

describe('S-6: bodies are bounded in time, size and memory', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  async function measureGrowth(work: () => Promise<unknown>): Promise<number> {
    await work();
    collectGarbage();
    const read = () => {
      const usage = process.memoryUsage();
      return usage.heapUsed + usage.external;
    };
    const before = read();
    let peak = before;
    const sampler = setInterval(() => {
      peak = Math.max(peak, read());
    }, 1);
    await work();
    peak = Math.max(peak, read());
    clearInterval(sampler);
    return peak - before;
  }

  it.each(['silent', 'chunks'] as const)('an endless body (%s)', async (endless) => {
    await using endlessProvider = await startScriptedProvider();
    endlessProvider.answer('/endless', { endless });
    const guard = createGuard({ timeouts: { totalMs: 250 } });
    const growth = await measureGrowth(async () => {
      const failure = await failureOf(guard.fetch(endlessProvider.url('/endless')));
      expect(failure).toMatchObject({ reason: endless === 'silent' ? 'timeout' : 'too_large', wasSent: true });
    });
    expect(growth).toBeLessThan(5 * 1024 * 1024);
    await guards.dispose();
    await vi.waitFor(() => expect(endlessProvider.openConnections()).toBe(0));
  });

  it('a body announced as too large', async () => {
    provider.answer('/announced', { body: 'x'.repeat(300 * 1024) });
    expect((await failureOf(createGuard().fetch(local('/announced')))).reason).toBe('too_large');
  });

  it('a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(256 * 1024);
    provider.answer('/bomb', { body: bomb, headers: { 'content-encoding': 'gzip' } });
    const guard = createGuard();
    const growth = await measureGrowth(async () => {
      expect((await failureOf(guard.fetch(local('/bomb')))).reason).toBe('too_large');
    });
    expect(growth).toBeLessThan(5 * 1024 * 1024);
  });

  it('a compressed body is read, layered or unknown encodings are not', async () => {
    const body = gzipSync(JSON.stringify({ ok: 1 }));
    provider.answer('/gzip', { body, headers: { 'content-encoding': 'gzip' } });
    expect(await (await createGuard().fetch(local('/gzip'))).json()).toEqual({ ok: 1 });
    for (const encoding of ['gzip, gzip', 'zstd', 'constructor']) {
      provider.answer('/gzip', { body, headers: { 'content-encoding': encoding } });
      expect((await failureOf(createGuard().fetch(local('/gzip')))).reason).toBe('undecodable');
    }
  });

  it('exactly 256 KiB passes, one byte more does not', async () => {
    provider.answer('/full', { body: 'x'.repeat(256 * 1024) });
    expect((await (await createGuard().fetch(local('/full'))).text()).length).toBe(256 * 1024);
    provider.answer('/full', { body: 'x'.repeat(256 * 1024 + 1) });
    expect((await failureOf(createGuard().fetch(local('/full')))).reason).toBe('too_large');
  });
});
