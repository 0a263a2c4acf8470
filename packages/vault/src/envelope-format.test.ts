import { describe, expect, it } from 'vitest';
import { encodeEnvelope, maxPaddedLength, readEnvelope } from './envelope-format.js';
import { readCode } from './vault-fixture.js';

const nonce = Uint8Array.from({ length: 24 }, (_, index) => index);
const body = new Uint8Array(256 + 16).fill(0xbb);
const blob = encodeEnvelope({ keyId: 0x01020304, nonce, body });

function edit(position: number, value: number): Uint8Array {
  const altered = new Uint8Array(blob);
  altered[position] = value;
  return altered;
}

describe('the blob format', () => {
  it('is NX, format, algorithm, key id, nonce, ciphertext and tag, in this order', () => {
    const hex = Buffer.from(blob).toString('hex');
    expect(hex.slice(0, 16)).toBe(`4e58${'01'}${'01'}${'01020304'}`);
    expect(hex.slice(16, 64)).toBe(Buffer.from(nonce).toString('hex'));
    expect(hex.slice(64)).toBe('bb'.repeat(272));
  });

  it('adds 48 bytes to the padded plaintext', () => {
    expect(blob.length - 256).toBe(48);
  });

  it('reads back what was written', () => {
    expect(readEnvelope(blob)).toEqual({ keyId: 0x01020304, nonce, body });
  });

  it.each([1, 255, 256, 65_536, 0x7fffffff, 0x80000000, 0xffffffff])('keeps the key id %d', (keyId) => {
    expect(readEnvelope(encodeEnvelope({ keyId, nonce, body })).keyId).toBe(keyId);
  });

  it('reads a blob that stands inside a larger buffer, as database drivers give it', () => {
    const pool = Buffer.alloc(1000, 0xee);
    pool.set(blob, 37);
    const view = pool.subarray(37, 37 + blob.length);
    expect(readEnvelope(view).keyId).toBe(0x01020304);
    expect([...readEnvelope(view).nonce]).toEqual([...nonce]);
  });

  it.each([
    ['first byte of the mark', 0, 0x4d],
    ['second byte of the mark', 1, 0x59],
    ['lower-case mark', 1, 0x78],
    ['format 0', 2, 0],
    ['format 2', 2, 2],
    ['algorithm 0', 3, 0],
    ['algorithm 2', 3, 2],
    ['algorithm 255', 3, 255],
  ])('refuses another %s', (_name, position, value) => {
    expect(readCode(() => readEnvelope(edit(position, value)))).toBe('integrity');
  });

  it('refuses the key id 0', () => {
    expect(readCode(() => readEnvelope(encodeEnvelope({ keyId: 0, nonce, body })))).toBe('integrity');
  });

  it('refuses every length that no padded plaintext has', () => {
    const long = new Uint8Array(48 + 3 * 256);
    long.set(blob);
    const accepted: number[] = [];
    for (let length = 0; length <= long.length; length++) {
      if (readCode(() => readEnvelope(long.subarray(0, length))) === 'done') accepted.push(length);
    }
    expect(accepted).toEqual([48 + 256, 48 + 512, 48 + 768]);
  });

  it('accepts 1 MiB of padded plaintext and refuses more', () => {
    const create = (padded: number) => encodeEnvelope({ keyId: 1, nonce, body: new Uint8Array(padded + 16) });
    expect(readCode(() => readEnvelope(create(maxPaddedLength)))).toBe('done');
    expect(readCode(() => readEnvelope(create(maxPaddedLength + 256)))).toBe('integrity');
  });

  it('says which format it met, so an old program meeting new data is recognised', () => {
    expect(() => readEnvelope(edit(2, 2))).toThrow('unknown format 2');
    expect(() => readEnvelope(edit(3, 9))).toThrow('algorithm 9');
  });
});
