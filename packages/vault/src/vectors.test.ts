import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type BlobVectors, computeHChaCha20, createBlobVectors } from './blob-vectors-fixture.js';
import type { KeyPurpose } from './key-ring.js';
import { asSealedBlob, type BlobContext, type Vault } from './vault.js';
import { createCountingRandom, createExampleVault, readCode } from './vault-fixture.js';

const path = new URL('../vectors/blob-v1.json', import.meta.url);
/** NOTE: never changes. A change of the format is another format number and another file. */
const frozenDigest = '6d37154cb6db1afde54eb2ba458666ef0a69d23f429e7c76c284c99701e2370b';

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

function toContext(context: BlobVectors['good'][number]['context']): BlobContext {
  const { workspace_id: workspaceId, row_id: rowId, provider_id: providerId, issued_origin: issuedOrigin } = context;
  const { table, column, version } = context;
  return {
    purpose: context.purpose as BlobContext['purpose'],
    table,
    column,
    workspaceId,
    rowId,
    providerId,
    version,
    issuedOrigin,
  };
}

async function readVectors(): Promise<BlobVectors> {
  return JSON.parse(await readFile(path, 'utf8')) as BlobVectors;
}

/** `sealingId` is made the newest key of its purpose; `nonce` is what every later draw gives. */
async function openVectorVault(vectors: BlobVectors, sealingId?: number, nonce?: Uint8Array): Promise<Vault> {
  const counting = createCountingRandom();
  let isReady = false;
  const random = (size: number) => (isReady && nonce !== undefined ? nonce : counting(size));
  const rows = vectors.keys.map(({ id, purpose, key }) => {
    const activatedAt = id === sealingId ? '2030-01-01T00:00:00.000Z' : '2020-01-01T00:00:00.000Z';
    return { id, purpose: purpose as KeyPurpose, dek: fromHex(key), activatedAt };
  });
  // No blob names it; a vault does not open without one.
  const checkpoint = { id: 1000, purpose: 'checkpoint' as const };
  const vault = await createExampleVault([...rows, checkpoint], { random, replacesExamples: true });
  isReady = true;
  return vault;
}

describe('the published vectors of blob format 1', () => {
  it('are the file that was published', async () => {
    const digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    expect(digest).toBe(frozenDigest);
  });

  it('are what an implementation independent of the vault computes', async () => {
    await expect(`${JSON.stringify(createBlobVectors(), null, 2)}\n`).toMatchFileSnapshot('../vectors/blob-v1.json');
  });

  it('come from an HChaCha20 that follows draft-irtf-cfrg-xchacha-03, section 2.2.1', () => {
    const key = fromHex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
    const nonce = fromHex('000000090000004a0000000031415927');
    const expected = '82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc';
    expect(computeHChaCha20(key, nonce).toString('hex')).toBe(expected);
  });

  it('are 20 good and 40 bad ones, each with a name of its own', async () => {
    const { good, bad } = await readVectors();
    expect([good.length, bad.length]).toEqual([20, 40]);
    expect(new Set([...good, ...bad].map((vector) => vector.name)).size).toBe(60);
    expect(new Set(bad.map((vector) => vector.blob + JSON.stringify(vector.context))).size).toBe(40);
  });

  it('open to their plaintext when good', async () => {
    const vectors = await readVectors();
    const vault = await openVectorVault(vectors);
    for (const { name, blob, context, plaintext } of vectors.good) {
      const opened = vault.open(asSealedBlob(fromHex(blob)), toContext(context));
      expect([name, Buffer.from(opened).toString('hex')]).toEqual([name, plaintext]);
    }
  });

  it('are what seal writes with the same key and nonce', async () => {
    const vectors = await readVectors();
    for (const { name, blob, context, plaintext, nonce, key_id: keyId } of vectors.good) {
      const vault = await openVectorVault(vectors, keyId, fromHex(nonce));
      const sealed = vault.seal(fromHex(plaintext), toContext(context));
      expect([name, Buffer.from(sealed).toString('hex')]).toEqual([name, blob]);
    }
  });

  it('K1, K2: do not open when bad, each for the reason it names', async () => {
    const vectors = await readVectors();
    const vault = await openVectorVault(vectors);
    for (const { name, blob, context, error } of vectors.bad) {
      const outcome = readCode(() => vault.open(asSealedBlob(fromHex(blob)), toContext(context)));
      expect([name, outcome]).toEqual([name, error]);
    }
  });
});
