import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createExampleKey, createExampleVault, readCode } from './vault-fixture.js';

const entryHash = new Uint8Array(createHash('sha256').update('entry').digest());
const dek = createExampleKey('audit');
const newer = '2027-01-01T00:00:00.000Z';

function computeExpected(info: string, message: Uint8Array | string): string {
  const key = Buffer.from(hkdfSync('sha256', dek, '', info, 32));
  return createHmac('sha256', key).update(message).digest('hex');
}

describe('mac', () => {
  it('is HMAC-SHA-256 under a key derived from the audit key, and names that key', async () => {
    const vault = await createExampleVault([{ id: 9, purpose: 'audit', dek, activatedAt: newer }]);
    const { mac, keyId } = vault.mac(entryHash);
    expect(keyId).toBe(9);
    expect(Buffer.from(mac).toString('hex')).toBe(computeExpected('nexus/audit-hmac/v1', entryHash));
  });

  it('is the same again for the same hash and differs for another', async () => {
    const vault = await createExampleVault();
    expect(vault.mac(entryHash)).toEqual(vault.mac(new Uint8Array(entryHash)));
    expect(vault.mac(entryHash).mac).not.toEqual(vault.mac(new Uint8Array(32)).mac);
  });

  it('can be repeated under the key an older entry names, after rotation', async () => {
    const before = await createExampleVault();
    const written = before.mac(entryHash);
    const after = await createExampleVault([{ id: 9, purpose: 'audit', dek, activatedAt: newer }]);
    expect(after.mac(entryHash).keyId).toBe(9);
    expect(after.mac(entryHash, written.keyId)).toEqual(written);
  });

  it('K4: is refused for an unknown key id and for a key of another purpose', async () => {
    const vault = await createExampleVault();
    expect(readCode(() => vault.mac(entryHash, 77))).toBe('unknown_key');
    expect(readCode(() => vault.mac(entryHash, 1))).toBe('integrity');
  });

  it('uses another key than sealing and fingerprints', async () => {
    const vault = await createExampleVault([{ id: 9, purpose: 'audit', dek, activatedAt: newer }]);
    const mac = Buffer.from(vault.mac(new TextEncoder().encode('value')).mac).toString('hex');
    expect(mac).not.toBe(vault.fingerprint('value'));
    expect(mac).not.toBe(createHmac('sha256', dek).update('value').digest('hex'));
  });
});

describe('fingerprint', () => {
  it('is 64 hex characters of HMAC-SHA-256 under its own derived key', async () => {
    const vault = await createExampleVault([{ id: 9, purpose: 'audit', dek, activatedAt: newer }]);
    expect(vault.fingerprint('refresh token')).toBe(computeExpected('nexus/rt-fp/v1', 'refresh token'));
    expect(vault.fingerprint('')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is stable for a value and tells values apart', async () => {
    const vault = await createExampleVault();
    const values = ['', 'a', 'b', 'ab', 'é', 'e\u0301'];
    expect(values.map((value) => vault.fingerprint(value))).toEqual(values.map((value) => vault.fingerprint(value)));
    expect(new Set(values.map((value) => vault.fingerprint(value))).size).toBe(values.length);
  });

  it('K12: cannot be computed without the key', async () => {
    const vault = await createExampleVault();
    expect(vault.fingerprint('value')).not.toBe(createHash('sha256').update('value').digest('hex'));
    const other = await createExampleVault([{ id: 9, purpose: 'audit', dek, activatedAt: newer }]);
    expect(other.fingerprint('value')).not.toBe(vault.fingerprint('value'));
  });
});
