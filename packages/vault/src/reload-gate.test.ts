import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ReloadGate } from './reload-gate.js';

/** A load that waits for `release` and counts. */
function createLoader() {
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const state = { begun: 0, atOnce: 0, mostAtOnce: 0 };
  const load = async (): Promise<void> => {
    state.begun += 1;
    state.atOnce += 1;
    state.mostAtOnce = Math.max(state.mostAtOnce, state.atOnce);
    try {
      await new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
    } finally {
      state.atOnce -= 1;
    }
  };
  const release = async (error?: Error): Promise<void> => {
    while (waiting.length === 0) await sleep(1);
    const next = waiting.shift();
    if (error === undefined) next?.resolve();
    else next?.reject(error);
  };
  return { load, release, state };
}

describe('a reload', () => {
  it('is one for callers that come before it begins', async () => {
    const { load, release, state } = createLoader();
    const gate = new ReloadGate(load);
    const calls = [gate.reload(), gate.reload(), gate.reload()];
    await release();
    await Promise.all(calls);
    expect(state.begun).toBe(1);
  });

  it('begins after the call: one that runs already may have read too early', async () => {
    const { load, release, state } = createLoader();
    const gate = new ReloadGate(load);
    const first = gate.reload();
    await sleep(5);
    expect(state.begun).toBe(1);
    const later = [gate.reload(), gate.reload()];
    await release();
    await first;
    expect(state.atOnce).toBeLessThan(2);
    await release();
    await Promise.all(later);
    expect([state.begun, state.mostAtOnce]).toEqual([2, 1]);
  });

  it('fails for its own callers and not for later ones', async () => {
    const { load, release, state } = createLoader();
    const gate = new ReloadGate(load);
    const first = gate.reload();
    const failing = expect(first).rejects.toThrow('database away');
    await sleep(5);
    const second = gate.reload();
    await release(new Error('database away'));
    await failing;
    await release();
    await second;
    expect(state.begun).toBe(2);
  });
});

describe('a reload for unknown keys', () => {
  it('happens at most once a second, however many ask, and answers all of them', async () => {
    const begunAt: number[] = [];
    const gate = new ReloadGate(async () => {
      begunAt.push(performance.now());
    });
    await gate.reloadSoon();
    await Promise.all(Array.from({ length: 50 }, () => gate.reloadSoon()));
    expect(begunAt.length).toBe(2);
    expect((begunAt[1] ?? 0) - (begunAt[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('does not hold up a reload that is asked for', async () => {
    let loads = 0;
    const gate = new ReloadGate(async () => {
      loads += 1;
    });
    await gate.reloadSoon();
    const settled: string[] = [];
    const soon = gate.reloadSoon().then(() => settled.push('for unknown keys'));
    await gate.reload().then(() => settled.push('asked for'));
    await soon;
    expect(settled).toEqual(['asked for', 'for unknown keys']);
    expect(loads).toBe(3);
  });

  it('can fail and be asked for again', async () => {
    let isAway = true;
    const gate = new ReloadGate(async () => {
      if (isAway) throw new Error('database away');
    });
    await expect(Promise.all([gate.reloadSoon(), gate.reloadSoon()])).rejects.toThrow('database away');
    isAway = false;
    await gate.reloadSoon();
  });
});
