import { describe, expect, it } from 'vitest';
import type { KeyProvider } from './key-provider.js';
import { keyPurposes } from './key-ring.js';
import { LiveVault } from './live-vault-fixture.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import { readKeyId } from './vault.js';
import {
  createExampleKey,
  createRow,
  createRows,
  exampleContext,
  flipBit,
  readCode,
  readFailure,
} from './vault-fixture.js';

const older = '2025-01-01T00:00:00.000Z';
const newer = '2027-01-01T00:00:00.000Z';
const text = new TextEncoder().encode('{"a":1}');

describe('reload', () => {
  it('takes over a key that was added, and seals with it once it is active', async () => {
    const live = await LiveVault.open();
    await live.add({ id: 9, state: 'pre-active', activatedAt: null });
    expect(live.vault.knows(9)).toBe(false);
    await live.vault.reload();
    expect(live.vault.knows(9)).toBe(true);
    expect(live.vault.sealingKeys()['cred']).toBe(1);
    live.edit(9, { state: 'active', activatedAt: newer });
    live.edit(1, { state: 'decrypt-only' });
    await live.vault.reload();
    expect(live.vault.sealingKeys()['cred']).toBe(9);
    expect(readKeyId(live.vault.seal(text, exampleContext))).toBe(9);
  });

  it('keeps opening what was sealed before', async () => {
    const live = await LiveVault.open();
    const blob = live.vault.seal(text, exampleContext);
    const mac = live.vault.mac(text);
    await live.add({ id: 9, activatedAt: newer });
    await live.add({ id: 10, purpose: 'audit', activatedAt: newer });
    await live.vault.reload();
    expect(live.vault.open(blob, exampleContext)).toEqual(text);
    expect(live.vault.mac(text).keyId).toBe(10);
    expect(live.vault.mac(text, mac.keyId)).toEqual(mac);
  });

  it('changes the fingerprints with the newest audit key', async () => {
    const live = await LiveVault.open();
    const before = live.vault.fingerprint('token');
    await live.vault.reload();
    expect(live.vault.fingerprint('token')).toBe(before);
    await live.add({ id: 10, purpose: 'audit', activatedAt: newer });
    await live.vault.reload();
    expect(live.vault.fingerprint('token')).not.toBe(before);
  });

  it('unwraps only what is new', async () => {
    const live = await LiveVault.open();
    await live.vault.reload();
    expect(live.unwraps).toEqual([]);
    await live.add({ id: 9 });
    await live.vault.reload();
    expect(live.unwraps).toEqual([9]);
  });

  it('needs no key provider for keys that are held, so that one which is away takes none of them', async () => {
    const live = await LiveVault.open([{ id: 9, activatedAt: older }]);
    live.isProviderAway = true;
    live.edit(1, { state: 'decrypt-only' });
    await live.vault.reload();
    expect(live.vault.sealingKeys()['cred']).toBe(9);
    expect(live.vault.open(live.vault.seal(text, exampleContext), exampleContext)).toEqual(text);
  });

  it('takes over that a key-encryption key was changed under the data keys', async () => {
    const keys = { 'kek-1': createExampleKey('kek 1'), 'kek-2': createExampleKey('kek 2') };
    const live = await LiveVault.open([], createMemoryKeyProvider({ keys }));
    const rewrapped = await createRows(createMemoryKeyProvider({ keys: { 'kek-2': keys['kek-2'] } }));
    live.rows = rewrapped;
    await live.vault.reload();
    expect(live.vault.open(live.vault.seal(text, exampleContext), exampleContext)).toEqual(text);
  });

  it('drops a destroyed key, which opens nothing any more', async () => {
    const live = await LiveVault.open([{ id: 9, activatedAt: newer }]);
    const blob = live.vault.seal(text, exampleContext);
    await live.add({ id: 10, activatedAt: '2028-01-01T00:00:00.000Z' });
    live.edit(9, { state: 'destroyed', wrapped: new Uint8Array(0), wrappedBy: 'gone' });
    await live.vault.reload();
    expect(live.vault.knows(9)).toBe(false);
    expect(readCode(() => live.vault.open(blob, exampleContext))).toBe('unknown_key');
  });

  it('K4: keeps the ring it had when a new row is altered, and works again once that is mended', async () => {
    const live = await LiveVault.open();
    const blob = live.vault.seal(text, exampleContext);
    await live.add({ id: 9, activatedAt: newer });
    const [good] = live.rows.slice(-1);
    live.edit(9, { wrapped: flipBit(good?.wrapped ?? new Uint8Array(92), 60) });
    const failure = await readFailure(live.vault.reload());
    expect(failure.code).toBe('integrity');
    expect(failure.message).toContain('Data key 9');
    expect(live.vault.knows(9)).toBe(false);
    expect(live.vault.open(blob, exampleContext)).toEqual(text);
    expect(readKeyId(live.vault.seal(text, exampleContext))).toBe(1);
    live.edit(9, { wrapped: good?.wrapped ?? new Uint8Array(0) });
    await live.vault.reload();
    expect(live.vault.sealingKeys()['cred']).toBe(9);
  });

  it('K4: refuses a ring from which a key vanished', async () => {
    const live = await LiveVault.open([{ id: 9 }]);
    live.rows = live.rows.filter((row) => row.id !== 9);
    const failure = await readFailure(live.vault.reload());
    expect(failure.code).toBe('integrity');
    expect(failure.message).toContain('data key 9 is not in it any more');
    expect(live.vault.knows(9)).toBe(true);
  });

  it('K1: refuses a ring in which an older key is to seal again', async () => {
    for (const purpose of keyPurposes) {
      const old = keyPurposes.indexOf(purpose) + 1;
      const live = await LiveVault.open([{ id: 9, purpose, activatedAt: newer }]);
      const before = live.vault.sealingKeys();
      expect(before[purpose]).toBe(9);
      // By its state, or by the time of its activation alone.
      for (const edits of [
        { 9: { state: 'decrypt-only' } },
        { [old]: { activatedAt: '2028-01-01T00:00:00.000Z' } },
      ] as const) {
        const rows = live.rows;
        for (const [id, edit] of Object.entries(edits)) live.edit(Number(id), edit);
        const failure = await readFailure(live.vault.reload());
        expect(failure.code).toBe('integrity');
        expect(failure.message).toContain(`data key ${old} is to take over from the newer data key 9`);
        expect(live.vault.sealingKeys()).toEqual(before);
        live.rows = rows;
      }
      await live.vault.reload();
    }
  });

  it('K4: refuses a ring in which a held id names another key', async () => {
    const live = await LiveVault.open();
    const other = await createRow(live.provider, { id: 1, dek: createExampleKey('other') });
    live.edit(1, { kcv: other.kcv });
    expect((await readFailure(live.vault.reload())).code).toBe('wrong_key');
    live.edit(1, { kcv: new Uint8Array(16) });
    expect((await readFailure(live.vault.reload())).code).toBe('wrong_key');
  });

  it('K1: refuses a ring in which a held key has another purpose', async () => {
    const live = await LiveVault.open([{ id: 9 }]);
    live.edit(9, { purpose: 'flow' });
    expect((await readFailure(live.vault.reload())).code).toBe('integrity');
  });

  it('K4: refuses a ring without an active key of a purpose', async () => {
    for (const purpose of keyPurposes) {
      const live = await LiveVault.open();
      const id = keyPurposes.indexOf(purpose) + 1;
      live.edit(id, { state: 'decrypt-only' });
      expect((await readFailure(live.vault.reload())).code).toBe('missing_key');
      expect(live.vault.sealingKeys()[purpose]).toBe(id);
    }
  });

  it('passes on what loading the rows throws, and keeps the ring', async () => {
    const live = await LiveVault.open();
    live.failure = new Error('database away');
    await expect(live.vault.reload()).rejects.toThrow('database away');
    expect(live.vault.knows(1)).toBe(true);
  });

  it('K8: asks the provider for keys it was given later', async () => {
    const keys: Record<string, Uint8Array> = { 'kek-1': createExampleKey('kek 1') };
    let held = createMemoryKeyProvider({ keys });
    let reloads = 0;
    const growing: KeyProvider = {
      id: 'growing',
      keys: () => held.keys(),
      primary: () => held.primary(),
      wrap: (...input) => held.wrap(...input),
      unwrap: (...input) => held.unwrap(...input),
      reload: async () => {
        reloads += 1;
        held = createMemoryKeyProvider({ keys });
      },
    };
    const live = await LiveVault.open([], growing);
    keys['kek-2'] = createExampleKey('kek 2');
    const outside = createMemoryKeyProvider({ keys: { 'kek-2': createExampleKey('kek 2') } });
    live.rows = [...live.rows, await createRow(outside, { id: 9 })];
    await live.vault.reload();
    expect(reloads).toBe(1);
    expect(live.vault.knows(9)).toBe(true);
  });
});
