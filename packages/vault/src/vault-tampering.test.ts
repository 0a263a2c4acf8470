import { describe, expect, it } from 'vitest';
import { asSealedBlob, type BlobContext, type SealedBlob, type Vault } from './vault.js';
import { createExampleVault, exampleContext, flipBit, readCode } from './vault-fixture.js';

const text = new TextEncoder().encode('{"access_token":"example","expires_at":1}');

/** What a store does with the bytes of a row: mark them, open them. */
function openBytes(vault: Vault, bytes: Uint8Array, context: BlobContext = exampleContext): string {
  return readCode(() => vault.open(asSealedBlob(bytes), context));
}

describe('a value that was moved', () => {
  it('K1: is refused in every other row, column, table and workspace of 50', async () => {
    const vault = await createExampleVault();
    const contexts = Array.from({ length: 50 }, (_, index): BlobContext => {
      const purposes = ['cred', 'provider', 'flow'] as const;
      return {
        purpose: purposes[index % 3] ?? 'cred',
        table: index % 2 === 0 ? 'connections' : 'providers',
        column: index % 5 === 0 ? 'credential' : 'client_secret',
        workspaceId: `workspace-${index % 4}`,
        rowId: `row-${Math.floor(index / 2)}`,
        providerId: `provider-${index % 7}`,
        version: index % 3,
        issuedOrigin: 'https://as.example.test:443',
      };
    });
    const blobs = contexts.map((context) => vault.seal(text, context));
    let refused = 0;
    for (const [from, blob] of blobs.entries()) {
      for (const [to, context] of contexts.entries()) {
        const outcome = readCode(() => vault.open(blob, context));
        expect(outcome).toBe(from === to ? 'done' : 'integrity');
        if (outcome === 'integrity') refused += 1;
      }
    }
    expect(refused).toBe(50 * 49);
  });

  it.each([
    ['purpose', { purpose: 'flow' }],
    ['table', { table: 'connection' }],
    ['column', { column: 'credentials' }],
    ['workspace', { workspaceId: 'Default' }],
    ['row', { rowId: '01JGEXAMPLE0000000000000003' }],
    ['provider', { providerId: '' }],
    ['version, one lower', { version: 6 }],
    ['version, one higher', { version: 8 }],
    ['version, 2^32 higher', { version: 7 + 2 ** 32 }],
    ['issuer origin: host', { issuedOrigin: 'https://as.example.test.:443' }],
    ['issuer origin: port', { issuedOrigin: 'https://as.example.test:8443' }],
    ['issuer origin: scheme', { issuedOrigin: 'http://as.example.test:443' }],
    ['text normalisation', { table: 'connections\u200b' }],
  ] satisfies [string, Partial<BlobContext>][])('K1: is refused under another %s', async (_name, edit) => {
    const vault = await createExampleVault();
    const blob = vault.seal(text, exampleContext);
    expect(readCode(() => vault.open(blob, { ...exampleContext, ...edit }))).toBe('integrity');
  });

  it('K1: is refused when neighbouring fields share their text out differently', async () => {
    const vault = await createExampleVault();
    const sealedFor = { ...exampleContext, table: 'ab', column: 'c', workspaceId: '', rowId: 'd' };
    const blob = vault.seal(text, sealedFor);
    const shifted = [
      { ...sealedFor, table: 'a', column: 'bc' },
      { ...sealedFor, table: 'abc', column: '' },
      { ...sealedFor, workspaceId: 'd', rowId: '' },
      { ...sealedFor, table: 'c', column: 'ab' },
    ];
    for (const context of shifted) expect(readCode(() => vault.open(blob, context))).toBe('integrity');
  });

  it('K1: is refused by a vault of another installation with the same key ids', async () => {
    const provider = await createExampleVault([{ id: 1000 }]);
    const other = await createExampleVault([{ id: 1000, dek: new Uint8Array(32).fill(1) }]);
    expect(readCode(() => other.open(provider.seal(text, exampleContext), exampleContext))).toBe('integrity');
  });
});

describe('a value that was altered', () => {
  it('K2: is refused for every flipped bit of 20 values', async () => {
    const vault = await createExampleVault();
    for (let sample = 0; sample < 20; sample++) {
      const context = { ...exampleContext, version: sample };
      const blob = vault.seal(new Uint8Array(sample * 12).fill(sample), context);
      const opened: number[] = [];
      for (let position = 0; position < blob.length; position++) {
        for (let bit = 0; bit < 8; bit++) {
          const outcome = openBytes(vault, flipBit(blob, position, bit), context);
          const isKeyId = position >= 4 && position < 8;
          if (outcome !== 'integrity' && !(isKeyId && outcome === 'unknown_key')) opened.push(position);
        }
      }
      expect(opened).toEqual([]);
    }
  });

  it('K2: is refused for every value of every byte of the header', async () => {
    const vault = await createExampleVault();
    const blob = vault.seal(text, exampleContext);
    for (let position = 0; position < 8; position++) {
      for (let value = 0; value < 256; value++) {
        if (value === blob[position]) continue;
        const altered = new Uint8Array(blob);
        altered[position] = value;
        expect(openBytes(vault, altered)).not.toBe('done');
      }
    }
  });

  it('K2: is refused at every shorter length', async () => {
    const vault = await createExampleVault();
    const blob = vault.seal(new Uint8Array(300), exampleContext);
    for (let length = 0; length < blob.length; length++) {
      expect(openBytes(vault, blob.subarray(0, length))).toBe('integrity');
    }
  });

  it('K2: is refused when cut at its beginning', async () => {
    const vault = await createExampleVault();
    const blob = vault.seal(new Uint8Array(300), exampleContext);
    for (let start = 1; start < blob.length; start++) {
      expect(openBytes(vault, blob.subarray(start))).toBe('integrity');
    }
  });

  it('K2: is refused when extended by 1 to 600 bytes, at its end or its beginning', async () => {
    const vault = await createExampleVault();
    const blob = vault.seal(text, exampleContext);
    for (let more = 1; more <= 600; more++) {
      const atEnd = new Uint8Array(blob.length + more);
      atEnd.set(blob);
      expect(openBytes(vault, atEnd)).toBe('integrity');
      const atStart = new Uint8Array(blob.length + more);
      atStart.set(blob, more);
      expect(openBytes(vault, atStart)).toBe('integrity');
    }
  });

  it('K2: is refused when two values exchange nonce, ciphertext or tag', async () => {
    const vault = await createExampleVault();
    const [one, two] = [vault.seal(text, exampleContext), vault.seal(text, exampleContext)];
    for (const [start, end] of [
      [8, 32],
      [32, 288],
      [288, 304],
    ] as const) {
      const mixed = new Uint8Array(one);
      mixed.set(two.subarray(start, end), start);
      expect(openBytes(vault, mixed)).toBe('integrity');
    }
  });

  it('K2: is refused when it is no sealed value at all', async () => {
    const vault = await createExampleVault();
    expect(openBytes(vault, new Uint8Array(0))).toBe('integrity');
    expect(openBytes(vault, new Uint8Array(304))).toBe('integrity');
    expect(openBytes(vault, new TextEncoder().encode(`NX${' '.repeat(302)}`))).toBe('integrity');
  });

  it('K2: is refused by open itself, also when nobody checked its shape before', async () => {
    const vault = await createExampleVault();
    for (const bytes of [new Uint8Array(0), new Uint8Array(7), new Uint8Array(304)]) {
      expect(readCode(() => vault.open(bytes as SealedBlob, exampleContext))).toBe('integrity');
    }
  });
});

describe('asSealedBlob', () => {
  it('returns the same bytes for the shape of a sealed value', async () => {
    const vault = await createExampleVault();
    const bytes: Uint8Array = vault.seal(text, exampleContext);
    expect(asSealedBlob(bytes)).toBe(bytes);
  });

  it('refuses plaintext, so a store cannot take it for ciphertext', () => {
    expect(readCode(() => asSealedBlob(text))).toBe('integrity');
    expect(readCode(() => asSealedBlob(new Uint8Array(304).fill(0x7b)))).toBe('integrity');
  });

  it('says nothing about authenticity', async () => {
    const vault = await createExampleVault();
    const altered = flipBit(vault.seal(text, exampleContext), 100);
    expect(readCode(() => asSealedBlob(altered))).toBe('done');
    expect(openBytes(vault, altered)).toBe('integrity');
  });
});
