import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { witness } from './store-witness.js';

it('K3: names row and version, and the digest of what was stored there', () => {
  const sealed = Buffer.from('sealed');
  expect(witness('connection', 'ref', 3, sealed)).toEqual({
    table: 'connection',
    row: 'ref',
    version: 3,
    blobSha256: createHash('sha256').update('sealed').digest('hex'),
  });
});

it('K3: tells an erased value from one that was never there', () => {
  expect(witness('provider', 'id', 2, null)).toEqual({ table: 'provider', row: 'id', version: 2, blobSha256: null });
});
