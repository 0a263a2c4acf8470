import { describe, expect, it } from 'vitest';
import type { KeyProvider } from './key-provider.js';
import { createDataKey, createKeyRing, type KeyRingRow, rewrapDataKey } from './key-ring.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import {
  blobPurposes,
  createExampleKey,
  createRow,
  exampleContext,
  exampleNow,
  flipBit,
  openRows,
  readFailure,
} from './vault-fixture.js';

const keys = { 'kek-2': createExampleKey('kek 2'), 'kek-1': createExampleKey('kek 1') };

/** Reports every data key that passes through the provider. */
function spyOn(base: KeyProvider, report: (key: Uint8Array) => void): KeyProvider {
  return {
    id: base.id,
    keys: () => base.keys(),
    primary: () => base.primary(),
    wrap: (...input) => {
      report(input[1]);
      return base.wrap(...input);
    },
    unwrap: async (...input) => {
      const key = await base.unwrap(...input);
      report(key);
      return key;
    },
    reload: () => base.reload(),
  };
}

describe('createKeyRing', () => {
  it('gives one active key per purpose, wrapped by the primary KEK', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const rows = await createKeyRing({ provider, now: exampleNow });
    expect(rows.map((row) => row.id)).toEqual([1, 2, 3, 4, 5]);
    expect(rows.map((row) => row.purpose)).toEqual(['cred', 'provider', 'flow', 'audit', 'checkpoint']);
    for (const row of rows) {
      expect(row).toMatchObject({ state: 'active', alg: 1, wrappedBy: 'kek-2' });
      expect(row).toMatchObject({ createdAt: exampleNow, activatedAt: exampleNow, retiredAt: null });
      expect(row.kcv.length).toBe(16);
    }
  });

  it('gives a ring the vault opens and seals with for every purpose', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const vault = await openRows({ provider, rows: await createKeyRing({ provider, now: exampleNow }) });
    for (const purpose of blobPurposes) {
      const context = { ...exampleContext, purpose };
      expect([...vault.open(vault.seal(Uint8Array.of(1, 2), context), context)]).toEqual([1, 2]);
    }
  });

  it('uses a different key for every purpose and every ring', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const rows = [
      ...(await createKeyRing({ provider, now: exampleNow })),
      ...(await createKeyRing({ provider, now: exampleNow })),
    ];
    expect(new Set(rows.map((row) => Buffer.from(row.kcv).toString('hex'))).size).toBe(10);
  });

  it('K12: wipes the data keys it handed to the provider', async () => {
    const handed: Uint8Array[] = [];
    const provider = spyOn(createMemoryKeyProvider({ keys }), (key) => handed.push(key));
    await createKeyRing({ provider, now: exampleNow });
    expect(handed.length).toBe(10);
    expect(handed.every((dek) => dek.every((byte) => byte === 0))).toBe(true);
  });

  it('K5: fails when the random source fails', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const random = () => {
      throw new Error('no entropy');
    };
    expect((await readFailure(createKeyRing({ provider, now: exampleNow, random }))).code).toBe('random_failed');
  });
});

describe('createDataKey', () => {
  it('gives a row the vault takes into its ring, wrapped by the KEK that was named', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const rows = await createKeyRing({ provider, now: exampleNow });
    const input = { provider, kekId: 'kek-1', id: 6, now: '2026-02-03T00:00:00.000Z' };
    const row = await createDataKey({ ...input, purpose: 'cred', state: 'active' });
    expect(row).toMatchObject({ id: 6, purpose: 'cred', state: 'active', alg: 1, wrappedBy: 'kek-1', publicKey: null });
    expect(row).toMatchObject({ createdAt: input.now, activatedAt: input.now, retiredAt: null });
    const vault = await openRows({ provider, rows: [...rows, row] });
    expect(vault.sealingKeys()['cred']).toBe(6);
  });

  it('leaves the time of activation open for a key that is not active yet', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const input = { provider, kekId: 'kek-1', id: 6, now: exampleNow, purpose: 'flow' } as const;
    expect(await createDataKey({ ...input, state: 'pre-active' })).toMatchObject({ activatedAt: null });
  });

  it('gives the public key of a checkpoint key, which is the one its ring signs with', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const rows = await createKeyRing({ provider, now: exampleNow });
    expect(rows.map(({ publicKey }) => publicKey?.length ?? null)).toEqual([null, null, null, null, 32]);
    const vault = await openRows({ provider, rows });
    expect(vault.sign(new Uint8Array(1)).publicKey).toEqual(rows[4]?.publicKey);
  });

  it('K4: fails, naming both keys, with a KEK the provider lacks', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const input = { provider, kekId: 'kek-9', id: 6, now: exampleNow, purpose: 'flow', state: 'active' } as const;
    const failure = await readFailure(createDataKey(input));
    expect(failure.code).toBe('missing_key');
    expect(failure.message).toContain('Data key 6 ("flow"), wrapped by "kek-9"');
  });

  it('K4: fails when the provider wraps into something it does not unwrap to the same key', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const lossy: KeyProvider = {
      ...spyOn(provider, () => undefined),
      wrap: (kekId, _dek, context) => provider.wrap(kekId, createExampleKey('another'), context),
    };
    const input = {
      provider: lossy,
      kekId: 'kek-1',
      id: 6,
      now: exampleNow,
      purpose: 'flow',
      state: 'active',
    } as const;
    expect((await readFailure(createDataKey(input))).code).toBe('wrong_key');
  });
});

describe('rewrapDataKey', () => {
  const provider = createMemoryKeyProvider({ keys });

  it('K6: gives the same key under another KEK', async () => {
    const row = await createRow(provider, { wrappedBy: 'kek-2' });
    const wrapped = await rewrapDataKey({ provider, row, toKekId: 'kek-1' });
    expect(wrapped).not.toEqual(row.wrapped);
    const alone = createMemoryKeyProvider({ keys: { 'kek-1': keys['kek-1'] } });
    expect(await alone.unwrap('kek-1', wrapped, { dek_id: '1', purpose: 'cred' })).toEqual(createExampleKey('dek 1'));
  });

  it('K6: opens everything that was sealed before, under the new KEK alone', async () => {
    const rows = await createKeyRing({ provider, now: exampleNow });
    const blob = (await openRows({ provider, rows })).seal(Uint8Array.of(7), exampleContext);
    const moved = await Promise.all(
      rows.map(async (row) => ({
        ...row,
        wrappedBy: 'kek-1',
        wrapped: await rewrapDataKey({ provider, row, toKekId: 'kek-1' }),
      })),
    );
    const vault = await openRows({
      provider: createMemoryKeyProvider({ keys: { 'kek-1': keys['kek-1'] } }),
      rows: moved,
    });
    expect([...vault.open(blob, exampleContext)]).toEqual([7]);
  });

  it('K4: fails for an altered row, a wrong check value and a KEK that is missing', async () => {
    const row = await createRow(provider, { wrappedBy: 'kek-2' });
    const rewrap = async (edit: Partial<KeyRingRow>, toKekId = 'kek-1') =>
      (await readFailure(rewrapDataKey({ provider, row: { ...row, ...edit }, toKekId }))).code;
    expect(await rewrap({ wrapped: flipBit(row.wrapped, 60) })).toBe('integrity');
    expect(await rewrap({ purpose: 'flow' })).toBe('integrity');
    expect(await rewrap({ kcv: new Uint8Array(16) })).toBe('wrong_key');
    expect(await rewrap({ wrappedBy: 'kek-9' })).toBe('missing_key');
    expect(await rewrap({}, 'kek-9')).toBe('missing_key');
  });

  it('fails when the provider wraps into something it does not unwrap to the same key', async () => {
    const row = await createRow(provider, { wrappedBy: 'kek-2' });
    const lossy: KeyProvider = {
      ...spyOn(provider, () => undefined),
      wrap: (kekId, _dek, context) => provider.wrap(kekId, createExampleKey('another'), context),
    };
    expect((await readFailure(rewrapDataKey({ provider: lossy, row, toKekId: 'kek-1' }))).code).toBe('wrong_key');
    const broken: KeyProvider = { ...spyOn(provider, () => undefined), wrap: async () => new Uint8Array(92) };
    expect((await readFailure(rewrapDataKey({ provider: broken, row, toKekId: 'kek-1' }))).code).toBe('integrity');
  });

  it('gives up on a provider that does not answer', async () => {
    const row = await createRow(provider, { wrappedBy: 'kek-2' });
    const silent: KeyProvider = { ...spyOn(provider, () => undefined), wrap: () => new Promise(() => undefined) };
    const failure = await readFailure(rewrapDataKey({ provider: silent, row, toKekId: 'kek-1', timeoutMs: 5 }));
    expect(failure.code).toBe('provider_failed');
    expect(failure.message).toContain('no answer within 5 ms');
  });

  it('K12: overwrites every copy of the key it held', async () => {
    const row = await createRow(provider, { wrappedBy: 'kek-2' });
    const handed: Uint8Array[] = [];
    await rewrapDataKey({ provider: spyOn(provider, (key) => handed.push(key)), row, toKekId: 'kek-1' });
    expect(handed.length).toBe(3);
    expect(handed.every((key) => key.every((byte) => byte === 0))).toBe(true);
  });
});
