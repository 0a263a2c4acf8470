import { describe, expect, it } from 'vitest';
import { createKekProbe, holdsKek } from './kek-probe.js';
import { type KeyProvider, VaultError } from './key-provider.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import { createCountingRandom, createExampleKey, flipBit, readFailure } from './vault-fixture.js';

const keys = { 'kek-1': createExampleKey('kek 1'), 'kek-2': createExampleKey('kek 2') };
const provider = createMemoryKeyProvider({ keys });

describe('a probe of a key-encryption key', () => {
  it('is opened by a provider that holds the key', async () => {
    for (const kekId of ['kek-1', 'kek-2']) {
      const probe = await createKekProbe(provider, kekId);
      expect(await holdsKek(createMemoryKeyProvider({ keys }), { kekId, ...probe })).toBe(true);
    }
  });

  it('K8: tells a provider that lacks the key, or holds another one under its id', async () => {
    const probe = { kekId: 'kek-2', ...(await createKekProbe(provider, 'kek-2')) };
    const lacking = createMemoryKeyProvider({ keys: { 'kek-1': keys['kek-1'] } });
    const wrong = createMemoryKeyProvider({ keys: { 'kek-2': keys['kek-1'] } });
    expect(await holdsKek(lacking, probe)).toBe(false);
    expect(await holdsKek(wrong, probe)).toBe(false);
    expect(await holdsKek(provider, { ...probe, kekId: 'kek-1' })).toBe(false);
  });

  it('is worth nothing once it is altered, or with another check value', async () => {
    const made = await createKekProbe(provider, 'kek-1');
    const probe = { kekId: 'kek-1', ...made };
    expect(await holdsKek(provider, { ...probe, probe: flipBit(made.probe, 70) })).toBe(false);
    expect(await holdsKek(provider, { ...probe, probeKcv: flipBit(made.probeKcv, 0) })).toBe(false);
    expect(await holdsKek(provider, { ...probe, probe: new Uint8Array(0), probeKcv: new Uint8Array(0) })).toBe(false);
  });

  it('cannot be unwrapped as a data key', async () => {
    const { probe } = await createKekProbe(provider, 'kek-1');
    for (const context of [{ dek_id: '1', purpose: 'cred' }, { dek_id: '1', purpose: 'kek-probe' }, {}]) {
      expect((await readFailure(provider.unwrap('kek-1', probe, context))).code).toBe('integrity');
    }
  });

  it('holds a fresh key each time', async () => {
    const [one, two] = [await createKekProbe(provider, 'kek-1'), await createKekProbe(provider, 'kek-1')];
    expect(one.probeKcv).not.toEqual(two.probeKcv);
  });

  it('is not made with a key the provider lacks', async () => {
    const failure = await readFailure(createKekProbe(provider, 'kek-9'));
    expect(failure.code).toBe('missing_key');
    expect(failure.message).toContain('Key "kek-9", key provider "memory"');
  });

  it('leaves open what a provider that is away cannot tell', async () => {
    const away: KeyProvider = {
      id: 'kms',
      keys: async () => [],
      primary: () => 'kek-1',
      wrap: (...input) => provider.wrap(...input),
      unwrap: async () => {
        throw new VaultError('provider_failed', 'away');
      },
      reload: async () => undefined,
    };
    const probe = { kekId: 'kek-1', ...(await createKekProbe(away, 'kek-1')) };
    expect((await readFailure(holdsKek(away, probe))).code).toBe('provider_failed');
  });

  it('K5: is not made without random bytes', async () => {
    const failing = () => {
      throw new Error('no entropy');
    };
    expect((await readFailure(createKekProbe(provider, 'kek-1', failing))).code).toBe('random_failed');
  });

  it('K12: overwrites its key', async () => {
    const handed: Uint8Array[] = [];
    const spy: KeyProvider = {
      id: 'spy',
      keys: async () => [],
      primary: () => 'kek-1',
      wrap: (...input) => {
        handed.push(input[1]);
        return provider.wrap(...input);
      },
      unwrap: async (...input) => {
        const key = await provider.unwrap(...input);
        handed.push(key);
        return key;
      },
      reload: async () => undefined,
    };
    const probe = await createKekProbe(spy, 'kek-1', createCountingRandom());
    expect(await holdsKek(spy, { kekId: 'kek-1', ...probe })).toBe(true);
    expect(handed.length).toBe(2);
    expect(handed.every((key) => key.every((byte) => byte === 0))).toBe(true);
  });
});
