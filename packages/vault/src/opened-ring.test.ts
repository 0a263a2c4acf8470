import { createPublicKey, verify } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { encryptBytes } from './aead.js';
import { encodeAad, padPlaintext } from './blob-vectors-fixture.js';
import { encodeEnvelope } from './envelope-format.js';
import { type KeyRingRow, keyPurposes } from './key-ring.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import { OpenedRing } from './opened-ring.js';
import { SigningKey } from './signing-key.js';
import { unwrapKeyRing } from './unwrapped-keys.js';
import { asSealedBlob, type BlobContext } from './vault.js';
import { createExampleKey, createExampleVault, createRows, exampleContext, readCode } from './vault-fixture.js';

const newer = '2027-01-01T00:00:00.000Z';
const message = new TextEncoder().encode('nexus/example\n1\n');

function verifies(publicKey: Uint8Array, signed: Uint8Array, signature: Uint8Array): boolean {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') };
  return verify(null, signed, createPublicKey({ key: jwk, format: 'jwk' }), signature);
}

describe('a signing key', () => {
  it.each([
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
  ])('computes the vectors of RFC 8032, section 7.1 (%s)', (seed, publicKey, text, signature) => {
    const key = new SigningKey(new Uint8Array(Buffer.from(seed, 'hex')));
    expect(Buffer.from(key.publicKey).toString('hex')).toBe(publicKey);
    expect(Buffer.from(key.sign(new Uint8Array(Buffer.from(text, 'hex')))).toString('hex')).toBe(signature);
  });

  it('K12: shows nothing of its seed, and leaves it as it was', () => {
    const seed = createExampleKey('seed');
    const copy = new Uint8Array(seed);
    const key = new SigningKey(seed);
    const shown = inspect(key, { depth: null, showHidden: true }) + JSON.stringify(key);
    expect(seed).toEqual(copy);
    expect(shown).not.toContain(Buffer.from(seed).toString('hex').slice(0, 16));
    expect(shown).not.toContain(seed.slice(0, 6).join(','));
  });
});

describe('sign', () => {
  it('signs under the newest active checkpoint key, which it names', async () => {
    const vault = await createExampleVault([
      { id: 9, purpose: 'checkpoint', activatedAt: newer },
      { id: 10, purpose: 'checkpoint', state: 'pre-active', activatedAt: null },
    ]);
    const { keyId, publicKey, signature } = vault.sign(message);
    expect(keyId).toBe(9);
    expect(signature.length).toBe(64);
    expect(verifies(publicKey, message, signature)).toBe(true);
    expect(verifies(publicKey, Uint8Array.of(...message, 0), signature)).toBe(false);
    expect(new SigningKey(createExampleKey('dek 9')).publicKey).toEqual(publicKey);
  });

  it('gives the public key of every checkpoint key of the ring, whatever its state', async () => {
    const vault = await createExampleVault([
      { id: 9, purpose: 'checkpoint', state: 'decrypt-only' },
      { id: 10, purpose: 'checkpoint', state: 'pre-active', activatedAt: null },
      { id: 11, purpose: 'checkpoint', state: 'compromised' },
    ]);
    const keys = vault.publicKeys();
    expect(keys.map(({ keyId }) => keyId)).toEqual([5, 9, 10, 11]);
    for (const { keyId, publicKey } of keys) {
      expect(publicKey).toEqual(new SigningKey(createExampleKey(`dek ${keyId}`)).publicKey);
    }
  });

  it('is the only use of a checkpoint key: it seals nothing and opens nothing', async () => {
    const vault = await createExampleVault();
    const context = { ...exampleContext, purpose: 'checkpoint' } as unknown as BlobContext;
    expect(readCode(() => vault.seal(message, context))).toBe('invalid_input');
    const blob = new Uint8Array(vault.seal(message, exampleContext));
    blob[7] = 5;
    expect(readCode(() => vault.open(asSealedBlob(blob), context))).toBe('integrity');
    expect(readCode(() => vault.open(asSealedBlob(blob), exampleContext))).toBe('integrity');
    expect(readCode(() => vault.mac(message, 5))).toBe('integrity');
  });

  it('holds also for a value that really is sealed with its bytes', async () => {
    const vault = await createExampleVault();
    for (const [keyId, purpose, outcome] of [
      [1, 'cred', 'done'],
      [5, 'checkpoint', 'integrity'],
    ] as const) {
      const context = { ...exampleContext, purpose } as unknown as BlobContext;
      const wire = {
        ...{ purpose, table: context.table, column: context.column, version: context.version },
        ...{ workspace_id: context.workspaceId, row_id: context.rowId },
        ...{ provider_id: context.providerId, issued_origin: context.issuedOrigin },
      };
      const input = { key: createExampleKey(`dek ${keyId}`), nonce: new Uint8Array(24) };
      const body = encryptBytes({ ...input, associatedData: encodeAad(keyId, wire) }, padPlaintext(Buffer.from('x')));
      const blob = asSealedBlob(encodeEnvelope({ keyId, nonce: input.nonce, body }));
      expect([purpose, readCode(() => vault.open(blob, context))]).toEqual([purpose, outcome]);
    }
  });
});

describe('the ring that is open', () => {
  it('names the key that seals for every purpose', async () => {
    const vault = await createExampleVault([
      { id: 9, activatedAt: newer },
      { id: 10, purpose: 'audit', activatedAt: newer },
      { id: 11, purpose: 'flow', state: 'pre-active', activatedAt: null },
    ]);
    expect(vault.sealingKeys()).toEqual({ cred: 9, provider: 2, flow: 3, audit: 10, checkpoint: 5 });
    expect(Object.keys(vault.sealingKeys())).toEqual(keyPurposes);
  });

  it('knows keys in every state but destroyed', async () => {
    const states = ['pre-active', 'active', 'decrypt-only', 'deactivated', 'compromised', 'destroyed'] as const;
    const vault = await createExampleVault(states.map((state, index) => ({ id: 10 + index, state })));
    expect(states.map((_state, index) => vault.knows(10 + index))).toEqual([true, true, true, true, true, false]);
    expect([0, 1, 5, 6, 99].map((id) => vault.knows(id))).toEqual([false, true, true, false, false]);
  });

  it('K12: overwrites the keys the next ring lacks, and no other', async () => {
    const provider = createMemoryKeyProvider();
    const access = { provider, timeoutMs: 1000 };
    const rows = await createRows(provider, [{ id: 9, state: 'deactivated' }]);
    const before = new OpenedRing(await unwrapKeyRing(access, rows));
    const keys = before.keys.list().map(({ id, key }) => ({ id, bytes: key.reveal() }));
    const destroyed = rows.map((row): KeyRingRow => (row.id === 9 ? { ...row, state: 'destroyed' } : row));
    const after = new OpenedRing(await unwrapKeyRing(access, destroyed, before.keys));
    before.wipeExcept(after);
    for (const { id, bytes } of keys) {
      expect([id, bytes.every((byte) => byte === 0)]).toEqual([id, id === 9]);
    }
  });
});
