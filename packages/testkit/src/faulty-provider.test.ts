import { afterEach, describe, expect, it } from 'vitest';
import { type FaultyProvider, type FaultyProviderOptions, startFaultyProvider } from './faulty-provider.js';
import { createFaultChoice, malformedBodies, type RefreshFault } from './refresh-faults.js';

let provider: FaultyProvider;

afterEach(() => provider.close());

async function start(options: Partial<FaultyProviderOptions> = {}): Promise<string> {
  provider = await startFaultyProvider({ rotation: 'strict', ...options });
  const answer = await send({ code: 'code-ann-1' });
  return ((await answer.json()) as { refresh_token: string }).refresh_token;
}

function send(form: Readonly<Record<string, string>>, signal: AbortSignal | null = null): Promise<Response> {
  return fetch(provider.server.url('/token'), { method: 'POST', body: new URLSearchParams(form), signal });
}

describe('a faulty provider', () => {
  it('starts a family for a code once, and answers who its tokens belong to', async () => {
    expect(await start()).toBe('rt-ann-0');
    expect((await send({ code: 'code-ann-2' })).status).toBe(400);
    const headers = { authorization: 'Bearer at-ann-0' };
    const info = await fetch(provider.server.url('/userinfo'), { headers });
    expect(await info.json()).toEqual({ id: 'ann' });
  });

  it('rotates, and ends a family whose used token comes back', async () => {
    const token = await start();
    expect(await (await send({ refresh_token: token })).json()).toMatchObject({ refresh_token: 'rt-ann-1' });
    expect(provider.count('ann')).toEqual({ calls: 1, openAtOnce: 1, reuses: 0, isAlive: true });
    expect((await send({ refresh_token: token })).status).toBe(400);
    expect(provider.count('ann')).toEqual({ calls: 2, openAtOnce: 1, reuses: 1, isAlive: false });
  });

  it.each<[RefreshFault, boolean, string]>([
    [{ kind: 'slow', ms: 50 }, true, '200 rt-ann-1'],
    [{ kind: 'lost' }, true, 'no answer'],
    [{ kind: 'partial' }, true, 'no body'],
    [{ kind: 'silent' }, true, 'no body'],
    [{ kind: 'oversized' }, true, '200 rt-ann-1'],
    [{ kind: 'scopes', scope: 'less' }, true, '200 rt-ann-1'],
    [{ kind: 'throttled', retryAfter: { form: 'seconds', seconds: 7 } }, false, '429 after 7'],
    [{ kind: 'throttled', retryAfter: { form: 'missing' } }, false, '429 after null'],
    [{ kind: 'failing', status: 503 }, false, '503 after null'],
    [{ kind: 'html' }, false, 'no JSON'],
    [{ kind: 'error_with_200', error: 'bad_refresh_token' }, false, '200 undefined'],
    ...malformedBodies.map((_, body): [RefreshFault, boolean, string] => [{ kind: 'malformed', body }, true, 'bad']),
  ])('%j is told as it is, and acted on: %s', async (fault, hasActed, expected) => {
    const token = await start({ faults: () => fault });
    const told = await describeAnswer(send({ refresh_token: token }, AbortSignal.timeout(200)));
    if (expected !== 'bad') expect(told).toBe(expected);
    expect(told).not.toBe('200 rt-ann-2');
    expect(provider.families.newest('ann')).toBe(hasActed ? 'rt-ann-1' : 'rt-ann-0');
  });

  it('dates are those of its own clock', async () => {
    const fault: RefreshFault = { kind: 'throttled', retryAfter: { form: 'date', seconds: 60 } };
    const token = await start({ faults: () => fault, clockSkewSeconds: 3_600 });
    const { headers } = await send({ refresh_token: token });
    const ahead = Date.parse(headers.get('retry-after') ?? '') - Date.now();
    expect(ahead / 1_000).toBeGreaterThan(3_600);
    expect(ahead / 1_000).toBeLessThan(3_662);
    expect(Date.parse(headers.get('date') ?? '') - Date.now()).toBeGreaterThan(3_590_000);
  });

  it('counts the requests that are open at once, until their client leaves', async () => {
    const token = await start({ rotation: 'never', faults: () => ({ kind: 'slow', ms: 60_000 }) });
    const leaving = new AbortController();
    const calls = [1, 2].map(() => send({ refresh_token: token }, leaving.signal).catch(() => null));
    await expect.poll(() => provider.openCalls()).toBe(2);
    leaving.abort();
    await Promise.all(calls);
    await expect.poll(() => provider.openCalls()).toBe(0);
    expect(provider.count('ann')).toMatchObject({ calls: 2, openAtOnce: 2 });
  });

  it('chooses the same faults for the same random numbers, as many as it was told to', async () => {
    await start();
    const choices = (share: number) => {
      let state = 1;
      const random = () => {
        state = (state * 48_271) % 2_147_483_647;
        return state / 2_147_483_647;
      };
      const choose = createFaultChoice({ random, share, slowMs: 10 });
      return Array.from({ length: 400 }, choose);
    };
    expect(choices(0.5)).toEqual(choices(0.5));
    expect(choices(0).filter((fault) => fault !== null)).toEqual([]);
    const half = choices(0.5).filter((fault) => fault !== null);
    expect(half.length).toBeGreaterThan(150);
    expect(half.length).toBeLessThan(250);
    expect(new Set(half.map((fault) => fault?.kind)).size).toBe(10);
  });
});

async function describeAnswer(sent: Promise<Response>): Promise<string> {
  const response = await sent.catch(() => null);
  if (response === null) return 'no answer';
  if (response.status !== 200) return `${response.status} after ${response.headers.get('retry-after')}`;
  const text = await response.text().catch(() => null);
  if (text === null) return 'no body';
  try {
    return `200 ${JSON.parse(text)?.refresh_token}`;
  } catch {
    return 'no JSON';
  }
}
