import { describe, expect, it } from 'vitest';
import { systemRandom } from './aead.js';
import { createLocalKeyProvider } from './local-key-provider.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import { createExampleKey, exampleNow, flipBit, readCode, readFailure } from './vault-fixture.js';

const [first, second] = [createExampleKey('kek a'), createExampleKey('kek b')];
const provider = createMemoryKeyProvider({ keys: { 'kek-a': first, 'kek-b': second } });
const dek = createExampleKey('dek');
const context = { dek_id: '3', purpose: 'flow' };

describe('wrapping a data key', () => {
  it('comes back as the same 32 bytes under either key', async () => {
    for (const kekId of ['kek-a', 'kek-b']) {
      const wrapped = await provider.wrap(kekId, dek, context);
      expect(await provider.unwrap(kekId, wrapped, context)).toEqual(dek);
    }
  });

  it('gives 92 bytes that begin with the mark and the check value of the KEK', async () => {
    const one = await provider.wrap('kek-a', dek, context);
    const two = await provider.wrap('kek-a', dek, context);
    expect(one.length).toBe(92);
    expect(Buffer.from(one.subarray(0, 4)).toString('hex')).toBe('4e4b0101');
    expect(one.subarray(0, 20)).toEqual(two.subarray(0, 20));
    expect(one.subarray(20)).not.toEqual(two.subarray(20));
  });

  it('does not hold the data key in clear', async () => {
    const wrapped = Buffer.from(await provider.wrap('kek-a', dek, context));
    expect(wrapped.includes(Buffer.from(dek))).toBe(false);
    expect(wrapped.includes(Buffer.from(first))).toBe(false);
  });

  it('ignores the order in which the context is written', async () => {
    const wrapped = await provider.wrap('kek-a', dek, { purpose: 'flow', dek_id: '3' });
    expect(await provider.unwrap('kek-a', wrapped, context)).toEqual(dek);
  });

  it.each([
    ['another key id', { dek_id: '4', purpose: 'flow' }],
    ['another purpose', { dek_id: '3', purpose: 'cred' }],
    ['swapped values', { dek_id: 'flow', purpose: '3' }],
    ['a missing entry', { dek_id: '3' }],
    ['one entry more', { dek_id: '3', purpose: 'flow', x: '' }],
    ['no entries', {}],
  ])('K1: is refused with %s', async (_name, other) => {
    const wrapped = await provider.wrap('kek-a', dek, context);
    expect((await readFailure(provider.unwrap('kek-a', wrapped, other))).code).toBe('integrity');
  });

  it('K2: is refused as altered for every flipped bit', async () => {
    const wrapped = await provider.wrap('kek-a', dek, context);
    for (let position = 0; position < wrapped.length; position++) {
      for (let bit = 0; bit < 8; bit++) {
        const failure = await readFailure(provider.unwrap('kek-a', flipBit(wrapped, position, bit), context));
        expect(failure.code).toBe('integrity');
      }
    }
  });

  it('K2: is refused when cut or extended', async () => {
    const wrapped = await provider.wrap('kek-a', dek, context);
    for (let length = 0; length < wrapped.length; length++) {
      const failure = await readFailure(provider.unwrap('kek-a', wrapped.subarray(0, length), context));
      expect(failure.code).toBe('integrity');
    }
    const longer = new Uint8Array([...wrapped, 0]);
    expect((await readFailure(provider.unwrap('kek-a', longer, context))).code).toBe('integrity');
  });

  it('K4: tells another key under the same id from altered bytes', async () => {
    const wrapped = await provider.wrap('kek-a', dek, context);
    const other = createMemoryKeyProvider({ keys: { 'kek-a': second } });
    const failure = await readFailure(other.unwrap('kek-a', wrapped, context));
    expect(failure.code).toBe('wrong_key');
    expect(failure.message).toContain('"kek-a"');
  });

  it('K4: does not try its other keys', async () => {
    const wrapped = await provider.wrap('kek-a', dek, context);
    expect((await readFailure(provider.unwrap('kek-b', wrapped, context))).code).toBe('wrong_key');
  });

  it('binds the id of the KEK, also where two ids hold the same key', async () => {
    const twins = createMemoryKeyProvider({ keys: { one: first, two: first } });
    const wrapped = await twins.wrap('one', dek, context);
    expect((await readFailure(twins.unwrap('two', wrapped, context))).code).toBe('integrity');
  });

  it('K4: names a KEK it does not hold, when wrapping and when unwrapping', async () => {
    const wrapped = await provider.wrap('kek-a', dek, context);
    for (const action of [provider.wrap('kek-z', dek, context), provider.unwrap('kek-z', wrapped, context)]) {
      const failure = await readFailure(action);
      expect(failure.code).toBe('missing_key');
      expect(failure.message).toContain('"kek-z"');
    }
  });

  it('refuses a data key that is not 32 bytes long', async () => {
    for (const length of [0, 16, 31, 33]) {
      expect((await readFailure(provider.wrap('kek-a', new Uint8Array(length), context))).code).toBe('invalid_input');
    }
  });

  it('K5: fails when the random source fails', async () => {
    const random = () => {
      throw new Error('no entropy');
    };
    const failing = createMemoryKeyProvider({ keys: { 'kek-a': first }, random });
    expect((await readFailure(failing.wrap('kek-a', dek, context))).code).toBe('random_failed');
  });
});

describe('a local key provider', () => {
  const kek = { id: 'kek-a', key: first, createdAt: exampleNow };

  it('lists ids and times, and its first key is the primary', async () => {
    const keks = [kek, { id: 'kek-b', key: second, createdAt: exampleNow }];
    const local = createLocalKeyProvider({ id: 'file', keks, random: systemRandom });
    expect(local.primary()).toBe('kek-a');
    expect(await local.keys()).toEqual([
      { id: 'kek-a', createdAt: exampleNow },
      { id: 'kek-b', createdAt: exampleNow },
    ]);
  });

  it('keeps working when the caller wipes the key it gave', async () => {
    const own = new Uint8Array(first);
    const local = createLocalKeyProvider({ id: 'x', keks: [{ ...kek, key: own }], random: systemRandom });
    const wrapped = await local.wrap('kek-a', dek, context);
    own.fill(0);
    expect(await local.unwrap('kek-a', wrapped, context)).toEqual(dek);
  });

  it.each([
    ['no key', [], 'missing_key'],
    ['two keys of one id', [kek, { ...kek, key: second }], 'invalid_input'],
    ['a short key', [{ ...kek, key: new Uint8Array(16) }], 'invalid_input'],
    ['an empty key', [{ ...kek, key: new Uint8Array(0) }], 'invalid_input'],
  ])('is refused with %s', (_name, keks, code) => {
    expect(readCode(() => createLocalKeyProvider({ id: 'x', keks, random: systemRandom }))).toBe(code);
  });
});

describe('the in-memory key provider', () => {
  it('makes a fresh key when given none, so two of them cannot unwrap each other', async () => {
    const [one, two] = [createMemoryKeyProvider(), createMemoryKeyProvider()];
    expect(one.primary()).toBe(two.primary());
    const wrapped = await one.wrap(one.primary(), dek, context);
    expect(await one.unwrap(one.primary(), wrapped, context)).toEqual(dek);
    expect((await readFailure(two.unwrap(two.primary(), wrapped, context))).code).toBe('wrong_key');
  });

  it('is refused without keys', () => {
    expect(readCode(() => createMemoryKeyProvider({ keys: {} }))).toBe('missing_key');
  });
});
