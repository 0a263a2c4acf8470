import { describe, expect, it } from 'vitest';
import { createKeyRing, keyPurposes } from './key-ring.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import { openVault } from './vault.js';
import { createExampleKey, exampleContext, exampleNow, readFailure } from './vault-fixture.js';

const keys = { 'kek-2': createExampleKey('kek 2'), 'kek-1': createExampleKey('kek 1') };

describe('createKeyRing', () => {
  it('gives one active key per purpose, wrapped by the primary KEK', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const rows = await createKeyRing({ provider, now: exampleNow });
    expect(rows.map((row) => row.id)).toEqual([1, 2, 3, 4]);
    expect(rows.map((row) => row.purpose)).toEqual(['cred', 'provider', 'flow', 'audit']);
    for (const row of rows) {
      expect(row).toMatchObject({ state: 'active', alg: 1, wrappedBy: 'kek-2' });
      expect(row).toMatchObject({ createdAt: exampleNow, activatedAt: exampleNow, retiredAt: null });
      expect(row.kcv.length).toBe(16);
    }
  });

  it('gives a ring the vault opens and seals with for every purpose', async () => {
    const provider = createMemoryKeyProvider({ keys });
    const vault = await openVault({ provider, rows: await createKeyRing({ provider, now: exampleNow }) });
    for (const purpose of keyPurposes) {
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
    expect(new Set(rows.map((row) => Buffer.from(row.kcv).toString('hex'))).size).toBe(8);
  });

  it('K12: wipes the data keys it handed to the provider', async () => {
    const base = createMemoryKeyProvider({ keys });
    const handed: Uint8Array[] = [];
    const provider = {
      id: base.id,
      keys: () => base.keys(),
      primary: () => base.primary(),
      wrap: (...input: Parameters<typeof base.wrap>) => {
        handed.push(input[1]);
        return base.wrap(...input);
      },
      unwrap: (...input: Parameters<typeof base.unwrap>) => base.unwrap(...input),
    };
    await createKeyRing({ provider, now: exampleNow });
    expect(handed.length).toBe(4);
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
