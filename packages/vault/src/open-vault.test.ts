import { describe, expect, it } from 'vitest';
import { type KeyProvider, VaultError } from './key-provider.js';
import { type KeyRingRow, keyPurposes } from './key-ring.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import {
  createExampleKey,
  createRow,
  createRows,
  exampleContext,
  flipBit,
  openRows,
  readFailure,
} from './vault-fixture.js';

const keys = { 'kek-1': createExampleKey('kek 1'), 'kek-2': createExampleKey('kek 2') };

function createProvider(overrides: Partial<KeyProvider> = {}): KeyProvider {
  const base = createMemoryKeyProvider({ keys });
  return {
    id: 'memory',
    keys: () => base.keys(),
    primary: () => base.primary(),
    wrap: (...input) => base.wrap(...input),
    unwrap: (...input) => base.unwrap(...input),
    reload: () => base.reload(),
    ...overrides,
  };
}

function replaceRow(rows: readonly KeyRingRow[], id: number, edit: Partial<KeyRingRow>): KeyRingRow[] {
  return rows.map((row) => (row.id === id ? { ...row, ...edit } : row));
}

describe('openVault fails closed', () => {
  it('K4: without any row, and makes no key', async () => {
    const wrapped: unknown[] = [];
    const provider = createProvider({
      wrap: async (...input) => {
        wrapped.push(input);
        return new Uint8Array(92);
      },
    });
    const failure = await readFailure(openRows({ provider, rows: [] }));
    expect(failure.code).toBe('missing_key');
    expect(wrapped).toEqual([]);
  });

  it.each(keyPurposes)('K4: without an active key for "%s"', async (purpose) => {
    const provider = createProvider();
    const rows = (await createRows(provider)).map((row) =>
      row.purpose === purpose ? { ...row, state: 'decrypt-only' as const } : row,
    );
    const failure = await readFailure(openRows({ provider, rows }));
    expect(failure.code).toBe('missing_key');
    expect(failure.message).toContain(`"${purpose}"`);
  });

  it('K4: with a KEK the provider lacks, naming that KEK and the data key', async () => {
    const rows = await createRows(createProvider(), [{ id: 9, purpose: 'flow', wrappedBy: 'kek-2' }]);
    const provider = createMemoryKeyProvider({ keys: { 'kek-1': keys['kek-1'] } });
    const failure = await readFailure(openRows({ provider, rows }));
    expect(failure.code).toBe('missing_key');
    expect(failure.message).toContain('lacks key "kek-2"');
    expect(failure.message).toContain('data key 9');
  });

  it('K4: with another KEK under the right id, naming it as wrong', async () => {
    const rows = await createRows(createProvider());
    const provider = createMemoryKeyProvider({ keys: { 'kek-1': createExampleKey('another installation') } });
    const failure = await readFailure(openRows({ provider, rows }));
    expect(failure.code).toBe('wrong_key');
    expect(failure.message).toContain('Data key 1 ("cred"), wrapped by "kek-1"');
    expect(failure.message).toContain('not the one that wrapped it');
  });

  it('K4: with one altered wrapped data key, naming it as altered', async () => {
    const provider = createProvider();
    const rows = await createRows(provider);
    for (const row of rows) {
      const altered = replaceRow(rows, row.id, { wrapped: flipBit(row.wrapped, 60) });
      const failure = await readFailure(openRows({ provider, rows: altered }));
      expect(failure.code).toBe('integrity');
      expect(failure.message).toContain(`Data key ${row.id} ("${row.purpose}")`);
      expect(failure.message).toContain('altered');
    }
  });

  it('K4: gives the three failures three different messages', async () => {
    const provider = createProvider();
    const rows = await createRows(provider);
    const wrong = createMemoryKeyProvider({ keys: { 'kek-1': keys['kek-2'] } });
    const unknown = createMemoryKeyProvider({ keys: { other: keys['kek-1'] } });
    const altered = replaceRow(rows, 1, { wrapped: flipBit(rows[0]?.wrapped ?? new Uint8Array(1), 70) });
    const failures = await Promise.all([
      readFailure(openRows({ provider: wrong, rows })),
      readFailure(openRows({ provider: unknown, rows })),
      readFailure(openRows({ provider, rows: altered })),
    ]);
    expect(failures.map((failure) => failure.code)).toEqual(['wrong_key', 'missing_key', 'integrity']);
    expect(new Set(failures.map((failure) => failure.message)).size).toBe(3);
  });

  it('K1: with wrapped keys swapped between rows of one KEK', async () => {
    const provider = createProvider();
    const rows = await createRows(provider);
    const [one, two] = [rows[0], rows[1]];
    const swap = { 1: two?.wrapped, 2: one?.wrapped } as Record<number, Uint8Array | undefined>;
    const swapped = rows.map((row) => ({ ...row, wrapped: swap[row.id] ?? row.wrapped }));
    expect((await readFailure(openRows({ provider, rows: swapped }))).code).toBe('integrity');
  });

  it('K1: with the purpose of a row changed', async () => {
    const provider = createProvider();
    const rows = await createRows(provider, [{ id: 9, purpose: 'cred' }]);
    const changed = replaceRow(rows, 9, { purpose: 'audit' });
    expect((await readFailure(openRows({ provider, rows: changed }))).message).toContain('Data key 9');
  });

  it('K4: with a check value of another key, calling it a wrong key and not corrupt data', async () => {
    const provider = createProvider();
    const rows = await createRows(provider);
    for (const kcv of [rows[1]?.kcv ?? new Uint8Array(0), new Uint8Array(16), new Uint8Array(0)]) {
      const failure = await readFailure(openRows({ provider, rows: replaceRow(rows, 1, { kcv }) }));
      expect(failure.code).toBe('wrong_key');
      expect(failure.message).toContain('Data key 1');
    }
  });

  it('K4: with a provider that returns another key or a short one', async () => {
    const rows = await createRows(createProvider());
    for (const dek of [createExampleKey('x'), new Uint8Array(16), new Uint8Array(0)]) {
      const provider = createProvider({ unwrap: async () => dek });
      expect((await readFailure(openRows({ provider, rows }))).code).toBe('wrong_key');
    }
  });

  it.each([
    ['a repeated id', { id: 1 }],
    ['the id 0', { id: 0 }],
    ['a negative id', { id: -1 }],
    ['a fractional id', { id: 1.5 }],
    ['an id beyond 32 bits', { id: 0x1_0000_0000 }],
    ['another algorithm', { alg: 2 as 1 }],
    ['another purpose', { purpose: 'other' as 'cred' }],
  ])('K4: with %s in the ring', async (_name, edit) => {
    const provider = createProvider();
    const rows = await createRows(provider, [{ id: 9 }]);
    const failure = await readFailure(openRows({ provider, rows: replaceRow(rows, 9, edit) }));
    expect(failure.code).toBe('integrity');
    expect(failure.message).toContain('key ring is altered');
  });

  it('K4: names the first row in ring order when several are wrong', async () => {
    const provider = createProvider();
    const rows = (await createRows(provider)).map((row) => ({ ...row, wrapped: new Uint8Array(92) }));
    for (let run = 0; run < 5; run++) {
      expect((await readFailure(openRows({ provider, rows }))).message).toContain('Data key 1');
    }
  });

  it('K5: when the random source fails, before any key is unwrapped', async () => {
    let unwrapped = 0;
    const rows = await createRows(createProvider());
    const provider = createProvider({
      unwrap: async () => {
        unwrapped += 1;
        return new Uint8Array(32);
      },
    });
    const random = () => {
      throw new Error('no entropy');
    };
    expect((await readFailure(openRows({ provider, rows, random }))).code).toBe('random_failed');
    expect(unwrapped).toBe(0);
  });
});

describe('a key provider that fails', () => {
  it('is named together with the data key, without its words', async () => {
    const rows = await createRows(createProvider());
    const provider = createProvider({
      id: 'kms',
      unwrap: async () => {
        throw new TypeError('bad key 00112233445566778899');
      },
    });
    const failure = await readFailure(openRows({ provider, rows }));
    expect(failure.code).toBe('provider_failed');
    expect(failure.message).toContain('Data key 1');
    expect(failure.message).toContain('key provider "kms": it failed with TypeError');
    expect(failure.message).not.toContain('0011');
    expect(failure.cause).toBeUndefined();
  });

  it('keeps its own code when it reports one', async () => {
    const rows = await createRows(createProvider());
    const provider = createProvider({
      keys: async () => {
        throw new VaultError('key_file_missing', 'The key file does not exist.');
      },
    });
    const failure = await readFailure(openRows({ provider, rows }));
    expect(failure.code).toBe('key_file_missing');
    expect(failure.message).toBe('Listing keys, key provider "memory": The key file does not exist.');
  });

  it('is not quoted when it throws something else than an error', async () => {
    const rows = await createRows(createProvider());
    const provider = createProvider({ unwrap: () => Promise.reject('00112233') });
    expect((await readFailure(openRows({ provider, rows }))).message).not.toContain('0011');
  });

  it('is given up on after the time limit', async () => {
    const rows = await createRows(createProvider());
    const provider = createProvider({ unwrap: () => new Promise(() => undefined) });
    const failure = await readFailure(openRows({ provider, rows, providerTimeoutMs: 5 }));
    expect(failure.code).toBe('provider_failed');
    expect(failure.message).toContain('no answer within 5 ms');
  });
});

describe('openVault unwraps', () => {
  it('each usable row once, by the KEK and the context it names', async () => {
    const calls: unknown[] = [];
    const base = createProvider();
    const provider = createProvider({
      unwrap: (...input) => {
        calls.push([input[0], input[2]]);
        return base.unwrap(...input);
      },
    });
    const rows = await createRows(base, [{ id: 9, purpose: 'flow', wrappedBy: 'kek-2', state: 'compromised' }]);
    await openRows({ provider, rows });
    expect(calls).toEqual([
      ['kek-1', { dek_id: '1', purpose: 'cred' }],
      ['kek-1', { dek_id: '2', purpose: 'provider' }],
      ['kek-1', { dek_id: '3', purpose: 'flow' }],
      ['kek-1', { dek_id: '4', purpose: 'audit' }],
      ['kek-1', { dek_id: '5', purpose: 'checkpoint' }],
      ['kek-2', { dek_id: '9', purpose: 'flow' }],
    ]);
  });

  it('nothing of a destroyed row, whose KEK and bytes may be gone', async () => {
    const provider = createProvider();
    const destroyed = { ...(await createRow(provider, { id: 9 })), state: 'destroyed' as const };
    const rows = [...(await createRows(provider)), { ...destroyed, wrapped: new Uint8Array(0), wrappedBy: 'gone' }];
    const vault = await openRows({ provider, rows });
    expect(vault.seal(new Uint8Array(1), exampleContext).length).toBe(48 + 256);
  });
});
