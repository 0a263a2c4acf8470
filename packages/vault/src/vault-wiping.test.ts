import { afterEach, describe, expect, it, vi } from 'vitest';
import { LiveVault } from './live-vault-fixture.js';
import { openJson, reseal, sealJson } from './vault.js';
import { createExampleKey, exampleContext } from './vault-fixture.js';

const newer = '2027-01-01T00:00:00.000Z';
const secretText = '{"refresh_token":"hunter2-hunter2-hunter2"}';
const secret = Buffer.from(secretText);

/** Copies of what every array held that is overwritten with zeros from now on. */
function watchWiping(): Buffer[] {
  const wiped: Buffer[] = [];
  const fill = Uint8Array.prototype.fill;
  vi.spyOn(Uint8Array.prototype, 'fill').mockImplementation(function (this: Uint8Array, ...input) {
    if (input[0] === 0) wiped.push(Buffer.from(this.slice()));
    return fill.apply(this, input) as Uint8Array<ArrayBuffer>;
  });
  return wiped;
}

function count(wiped: readonly Buffer[], bytes: Uint8Array): number {
  return wiped.filter((copy) => copy.includes(Buffer.from(bytes))).length;
}

afterEach(() => vi.restoreAllMocks());

describe('K12: copies that are overwritten', () => {
  it('are the padded plaintext of seal and open', async () => {
    const { vault } = await LiveVault.open();
    const wiped = watchWiping();
    const blob = vault.seal(secret, exampleContext);
    expect(count(wiped, secret)).toBe(1);
    vault.open(blob, exampleContext);
    expect(count(wiped, secret)).toBe(2);
  });

  it('are the bytes of sealed and opened JSON', async () => {
    const { vault } = await LiveVault.open();
    const wiped = watchWiping();
    const blob = sealJson(vault, JSON.parse(secretText), exampleContext);
    expect(count(wiped, secret)).toBe(2);
    await openJson(vault, blob, exampleContext);
    expect(count(wiped, secret)).toBe(4);
  });

  it('are the plaintext of a value that is sealed again', async () => {
    const live = await LiveVault.open();
    const blob = live.vault.seal(secret, exampleContext);
    await live.add({ id: 9, activatedAt: newer });
    await live.vault.reload();
    const wiped = watchWiping();
    expect(reseal(live.vault, blob, exampleContext)).not.toBeNull();
    expect(count(wiped, secret)).toBe(3);
  });

  it('are the keys as the provider gave them away', async () => {
    const live = await LiveVault.open();
    expect(live.handedOut.length).toBe(5);
    expect(live.handedOut.every((key) => key.every((byte) => byte === 0))).toBe(true);
  });

  it('are the keys that were destroyed, at the reload that learns of it', async () => {
    const live = await LiveVault.open([{ id: 9, state: 'deactivated' }]);
    const wiped = watchWiping();
    await live.vault.reload();
    expect(count(wiped, createExampleKey('dek 9'))).toBe(0);
    live.edit(9, { state: 'destroyed', wrapped: new Uint8Array(0) });
    await live.vault.reload();
    expect(count(wiped, createExampleKey('dek 9'))).toBe(1);
    for (const id of [1, 2, 3, 4, 5]) expect(count(wiped, createExampleKey(`dek ${id}`))).toBe(0);
  });
});
