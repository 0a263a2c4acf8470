import { describe, expect, it } from 'vitest';
import { LiveVault } from './live-vault-fixture.js';
import { readKeyId, reseal } from './vault.js';
import { exampleContext, flipBit, readCode } from './vault-fixture.js';

const older = '2025-01-01T00:00:00.000Z';
const newer = '2027-01-01T00:00:00.000Z';
const text = new TextEncoder().encode('{"a":1}');

describe('reseal', () => {
  it('seals under the newest key with the same context and a fresh nonce', async () => {
    const live = await LiveVault.open();
    const blob = live.vault.seal(text, exampleContext);
    await live.add({ id: 9, activatedAt: newer });
    await live.vault.reload();
    const again = reseal(live.vault, blob, exampleContext);
    if (again === null) throw new Error('it was not sealed again');
    expect(readKeyId(again)).toBe(9);
    expect(live.vault.open(again, exampleContext)).toEqual(text);
    expect(again.slice(8, 32)).not.toEqual(blob.slice(8, 32));
    expect(again.length).toBe(blob.length);
    expect(readCode(() => live.vault.open(again, { ...exampleContext, version: 8 }))).toBe('integrity');
  });

  it('leaves what is under the newest key as it is', async () => {
    const live = await LiveVault.open();
    expect(reseal(live.vault, live.vault.seal(text, exampleContext), exampleContext)).toBeNull();
  });

  it('goes by the newest key of the purpose, not by age or number', async () => {
    const live = await LiveVault.open([{ id: 9, activatedAt: older }]);
    const before = await LiveVault.open([{ id: 9, activatedAt: newer }], live.provider);
    const blob = before.vault.seal(text, exampleContext);
    expect(readKeyId(blob)).toBe(9);
    const again = reseal(live.vault, blob, exampleContext);
    expect(again === null ? null : readKeyId(again)).toBe(1);
  });

  it('K1, K2: refuses a value that does not authenticate, under whatever key', async () => {
    const live = await LiveVault.open();
    const blob = live.vault.seal(text, exampleContext);
    await live.add({ id: 9, activatedAt: newer });
    await live.vault.reload();
    expect(readCode(() => reseal(live.vault, blob, { ...exampleContext, rowId: 'other' }))).toBe('integrity');
    expect(readCode(() => reseal(live.vault, flipBit(blob, 100) as typeof blob, exampleContext))).toBe('integrity');
    const unknown = new Uint8Array(blob) as typeof blob;
    unknown[7] = 77;
    expect(readCode(() => reseal(live.vault, unknown, exampleContext))).toBe('unknown_key');
  });

  it('gives back any length of value', async () => {
    const live = await LiveVault.open();
    const values = [0, 1, 255, 256, 5000, 1024 * 1024 - 1].map((length) => new Uint8Array(length).fill(length));
    const blobs = values.map((value) => live.vault.seal(value, exampleContext));
    await live.add({ id: 9, activatedAt: newer });
    await live.vault.reload();
    for (const [index, blob] of blobs.entries()) {
      const again = reseal(live.vault, blob, exampleContext);
      expect(Buffer.compare(live.vault.open(again ?? blob, exampleContext), values[index] ?? text)).toBe(0);
    }
  });
});
