import { describe, expect, it } from 'vitest';
import type { KeyRingRow } from './key-ring.js';
import { LiveVault } from './live-vault-fixture.js';
import { openJson, sealJson } from './vault.js';
import { exampleContext, readCode, readFailure } from './vault-fixture.js';

const newer = '2027-01-01T00:00:00.000Z';

describe('openJson with a key the ring lacks', () => {
  async function createLagging() {
    const ahead = await LiveVault.open();
    const lagging = await LiveVault.open([], ahead.provider);
    await ahead.add({ id: 9, activatedAt: newer });
    await ahead.vault.reload();
    const blob = sealJson(ahead.vault, { token: 't' }, exampleContext);
    return { ahead, lagging, blob };
  }

  it('K8: loads the ring and opens', async () => {
    const { ahead, lagging, blob } = await createLagging();
    lagging.rows = ahead.rows;
    expect(readCode(() => lagging.vault.open(blob, exampleContext))).toBe('unknown_key');
    expect(await openJson(lagging.vault, blob, exampleContext)).toEqual({ token: 't' });
    expect(lagging.loads).toBe(1);
  });

  it('K8: loads it once for many readers', async () => {
    const { ahead, lagging, blob } = await createLagging();
    lagging.rows = ahead.rows;
    const opened = await Promise.all(Array.from({ length: 100 }, () => openJson(lagging.vault, blob, exampleContext)));
    expect(opened).toEqual(Array.from({ length: 100 }, () => ({ token: 't' })));
    expect(lagging.loads).toBe(1);
  });

  it('K4: says which key is missing when the stored ring lacks it too, and loads at most once a second', async () => {
    const { lagging, blob } = await createLagging();
    const startedAt = performance.now();
    const failures = await Promise.all(
      Array.from({ length: 20 }, () => readFailure(openJson(lagging.vault, blob, exampleContext))),
    );
    const again = await Promise.all(
      Array.from({ length: 20 }, () => readFailure(openJson(lagging.vault, blob, exampleContext))),
    );
    expect(new Set([...failures, ...again].map(({ code, message }) => `${code}: ${message}`))).toEqual(
      new Set(['unknown_key: Data key 9 is not in the key ring.']),
    );
    expect(lagging.loads).toBe(2);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  it('does not load the ring for a value that is altered under a key it has', async () => {
    const live = await LiveVault.open();
    const blob = sealJson(live.vault, { token: 't' }, exampleContext);
    const failure = await readFailure(openJson(live.vault, blob, { ...exampleContext, version: 8 }));
    expect(failure.code).toBe('integrity');
    expect(live.loads).toBe(0);
  });

  it('calls the value neither altered nor fine when the ring itself is refused', async () => {
    const { ahead, lagging, blob } = await createLagging();
    const [added] = ahead.rows.slice(-1);
    lagging.rows = [...lagging.rows, { ...(added as KeyRingRow), wrapped: new Uint8Array(92) }];
    const failure = await readFailure(openJson(lagging.vault, blob, exampleContext));
    expect(failure.code).toBe('unknown_key');
    expect(failure.message).toContain('Data key 9 is not in the key ring, which is refused: Data key 9 ("cred")');
  });

  it('passes on that the rows cannot be loaded', async () => {
    const { lagging, blob } = await createLagging();
    lagging.failure = new Error('database away');
    await expect(openJson(lagging.vault, blob, exampleContext)).rejects.toThrow('database away');
  });

  it('K2: refuses a key id that was altered into that of another key', async () => {
    const { ahead, lagging, blob } = await createLagging();
    lagging.rows = ahead.rows;
    const relabelled = new Uint8Array(blob) as typeof blob;
    relabelled[7] = 1;
    expect((await readFailure(openJson(lagging.vault, relabelled, exampleContext))).code).toBe('integrity');
  });
});
