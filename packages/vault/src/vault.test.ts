import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asSealedBlob, type BlobContext, readKeyId } from './vault.js';
import { blobPurposes, createExampleKey, createExampleVault, exampleContext, readCode } from './vault-fixture.js';

const text = new TextEncoder().encode('{"access_token":"example"}');

describe('seal and open', () => {
  it('give back what was sealed, in every purpose', async () => {
    const vault = await createExampleVault();
    for (const purpose of blobPurposes) {
      const context = { ...exampleContext, purpose };
      expect(vault.open(vault.seal(text, context), context)).toEqual(text);
    }
  });

  it('give back any bytes under any context', async () => {
    const vault = await createExampleVault();
    const part = fc.string({ unit: 'grapheme', maxLength: 40 });
    const context: fc.Arbitrary<BlobContext> = fc.record({
      purpose: fc.constantFrom(...blobPurposes),
      table: part,
      column: part,
      workspaceId: part,
      rowId: part,
      providerId: part,
      version: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      issuedOrigin: part,
    });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1200 }), context, (plaintext, boundTo) => {
        const blob = vault.seal(plaintext, boundTo);
        expect(blob.length).toBe(48 + (Math.floor(plaintext.length / 256) + 1) * 256);
        expect(vault.open(asSealedBlob(new Uint8Array(blob)), boundTo)).toEqual(plaintext);
      }),
    );
  });

  it('open under an equal context only', async () => {
    const vault = await createExampleVault();
    const part = fc.constantFrom('', 'a', 'b', 'ab', 'ba');
    const context: fc.Arbitrary<BlobContext> = fc.record({
      purpose: fc.constant('cred' as const),
      table: part,
      column: part,
      workspaceId: part,
      rowId: part,
      providerId: part,
      version: fc.integer({ min: 0, max: 1 }),
      issuedOrigin: part,
    });
    fc.assert(
      fc.property(context, context, (sealedFor, openedFor) => {
        const isSame = JSON.stringify(sealedFor) === JSON.stringify(openedFor);
        const blob = vault.seal(text, sealedFor);
        expect(readCode(() => vault.open(blob, openedFor))).toBe(isSame ? 'done' : 'integrity');
      }),
    );
  });

  it('leave the plaintext, the context and the blob of the caller unchanged', async () => {
    const vault = await createExampleVault();
    const [own, context] = [new Uint8Array(text), { ...exampleContext }];
    const blob = vault.seal(own, context);
    const copy = new Uint8Array(blob);
    vault.open(blob, context);
    expect(own).toEqual(text);
    expect(context).toEqual(exampleContext);
    expect(new Uint8Array(blob)).toEqual(copy);
  });

  it('accept Buffers, as database drivers give them', async () => {
    const vault = await createExampleVault();
    const blob = vault.seal(Buffer.from('abc'), exampleContext);
    const plaintext = vault.open(asSealedBlob(Buffer.from(blob)), exampleContext);
    expect(Buffer.from(plaintext).toString()).toBe('abc');
  });

  it('hide the length of a value within 256 bytes', async () => {
    const vault = await createExampleVault();
    const lengths = [0, 1, 100, 255].map((length) => vault.seal(new Uint8Array(length), exampleContext).length);
    expect(new Set(lengths)).toEqual(new Set([304]));
  });

  it('seal up to 1 MiB with padding and refuse more', async () => {
    const vault = await createExampleVault();
    const longest = new Uint8Array(1024 * 1024 - 1).fill(1);
    expect(vault.open(vault.seal(longest, exampleContext), exampleContext).length).toBe(longest.length);
    expect(readCode(() => vault.seal(new Uint8Array(1024 * 1024), exampleContext))).toBe('invalid_input');
  });

  it.each([
    ['a negative version', { version: -1 }],
    ['a fractional version', { version: 1.5 }],
    ['a version beyond 2^53 - 1', { version: Number.MAX_SAFE_INTEGER + 1 }],
    ['a lone surrogate', { rowId: '\ud800' }],
    ['a field above 65,535 bytes', { providerId: 'é'.repeat(32_768) }],
  ])('refuse %s: sealing as invalid input, opening as a mismatch', async (_name, edit) => {
    const vault = await createExampleVault();
    const context = { ...exampleContext, ...edit };
    expect(readCode(() => vault.seal(text, context))).toBe('invalid_input');
    expect(readCode(() => vault.open(vault.seal(text, exampleContext), context))).toBe('integrity');
  });
});

describe('the key that seals', () => {
  const older = '2025-01-01T00:00:00.000Z';
  const newer = '2027-01-01T00:00:00.000Z';

  it('is the one activated last, whatever its id', async () => {
    const one = await createExampleVault([{ id: 9, activatedAt: newer }]);
    expect(readKeyId(one.seal(text, exampleContext))).toBe(9);
    const two = await createExampleVault([{ id: 9, activatedAt: older }]);
    expect(readKeyId(two.seal(text, exampleContext))).toBe(1);
  });

  it('is the one with the higher id among keys activated together', async () => {
    const vault = await createExampleVault([{ id: 9 }, { id: 7 }]);
    expect(readKeyId(vault.seal(text, exampleContext))).toBe(9);
  });

  it('counts the time of creation where no activation is recorded', async () => {
    const vault = await createExampleVault([{ id: 9, activatedAt: null, createdAt: newer }]);
    expect(readKeyId(vault.seal(text, exampleContext))).toBe(9);
  });

  it.each(['pre-active', 'decrypt-only', 'deactivated', 'compromised', 'destroyed'] as const)(
    'is never one that is %s',
    async (state) => {
      const vault = await createExampleVault([{ id: 9, activatedAt: newer, state }]);
      expect(readKeyId(vault.seal(text, exampleContext))).toBe(1);
    },
  );

  it('belongs to the purpose of the context', async () => {
    const vault = await createExampleVault([{ id: 9, purpose: 'flow', activatedAt: newer }]);
    const ids = blobPurposes.map((purpose) => readKeyId(vault.seal(text, { ...exampleContext, purpose })));
    expect(ids).toEqual([1, 2, 9, 4]);
  });

  it('is reported to onSeal once per sealed value', async () => {
    const sealedUnder: number[] = [];
    const vault = await createExampleVault([], { onSeal: (keyId) => sealedUnder.push(keyId) });
    const blob = vault.seal(text, exampleContext);
    vault.seal(text, { ...exampleContext, purpose: 'flow' });
    vault.open(blob, exampleContext);
    expect(sealedUnder).toEqual([1, 3]);
  });
});

describe('the key that opens', () => {
  it.each(['pre-active', 'decrypt-only', 'deactivated', 'compromised'] as const)(
    'may be %s, so rotation needs no new format',
    async (state) => {
      const dek = createExampleKey('rotated');
      const before = await createExampleVault([{ id: 9, dek }]);
      const blob = before.seal(text, exampleContext);
      const after = await createExampleVault([{ id: 9, dek, state }]);
      expect(readKeyId(blob)).toBe(9);
      expect(after.open(blob, exampleContext)).toEqual(text);
    },
  );

  it('K4: is unknown once destroyed', async () => {
    const dek = createExampleKey('rotated');
    const blob = (await createExampleVault([{ id: 9, dek }])).seal(text, exampleContext);
    const after = await createExampleVault([{ id: 9, dek, state: 'destroyed' }]);
    expect(readCode(() => after.open(blob, exampleContext))).toBe('unknown_key');
  });

  it('K4: is unknown when the ring lacks its id, and the message names the id', async () => {
    const blob = (await createExampleVault([{ id: 4711 }])).seal(text, exampleContext);
    const other = await createExampleVault();
    expect(readCode(() => other.open(blob, exampleContext))).toBe('unknown_key');
    expect(() => other.open(blob, exampleContext)).toThrow('Data key 4711 is not in the key ring.');
  });

  it('is chosen by id and never by trial', async () => {
    const dek = createExampleKey('same key twice');
    const blob = (await createExampleVault([{ id: 9, dek }])).seal(text, exampleContext);
    const renamed = await createExampleVault([{ id: 10, dek }]);
    expect(readCode(() => renamed.open(blob, exampleContext))).toBe('unknown_key');
  });

  it('K1: is refused for another purpose, even where the bytes of the two keys are equal', async () => {
    const dek = createExampleKey('same key twice');
    const vault = await createExampleVault([
      { id: 9, dek },
      { id: 10, dek, purpose: 'flow' },
    ]);
    const blob = vault.seal(text, exampleContext);
    expect(readCode(() => vault.open(blob, { ...exampleContext, purpose: 'flow' }))).toBe('integrity');
    const relabelled = new Uint8Array(blob);
    relabelled[7] = 10;
    const opening = () => vault.open(asSealedBlob(relabelled), { ...exampleContext, purpose: 'flow' });
    expect(readCode(opening)).toBe('integrity');
  });
});
