import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addPadding, paddingStep, removePadding } from './padding.js';
import { readCode } from './vault-fixture.js';

function createPadded(length: number, edits: Readonly<Record<number, number>>): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const [position, value] of Object.entries(edits)) bytes[Number(position)] = value;
  return bytes;
}

describe('padding', () => {
  it('comes off every length from 0 to 1,030 as it went on', () => {
    for (let length = 0; length <= 1030; length++) {
      const plaintext = new Uint8Array(length).fill(0x41);
      const padded = addPadding(plaintext);
      expect(padded.length % paddingStep).toBe(0);
      expect(padded.length - length).toBeGreaterThanOrEqual(1);
      expect(padded.length - length).toBeLessThanOrEqual(paddingStep);
      expect(Buffer.compare(removePadding(padded), plaintext)).toBe(0);
    }
  });

  it.each([
    [0, 256],
    [255, 256],
    [256, 512],
    [511, 512],
    [512, 768],
  ])('brings %d bytes to %d', (length, paddedLength) => {
    expect(addPadding(new Uint8Array(length)).length).toBe(paddedLength);
  });

  it('is one byte 0x80 and zeros (ISO/IEC 7816-4, method 2)', () => {
    const padded = addPadding(Uint8Array.of(1, 2, 3));
    expect([...padded.subarray(0, 6)]).toEqual([1, 2, 3, 0x80, 0, 0]);
    expect(padded.subarray(4).every((byte) => byte === 0)).toBe(true);
  });

  it.each([
    ['zeros', new Uint8Array(20)],
    ['a marker at the end', Uint8Array.of(1, 0x80)],
    ['a marker and zeros at the end', Uint8Array.of(1, 0x80, 0, 0)],
    ['markers only', new Uint8Array(255).fill(0x80)],
    ['a full step of zeros', new Uint8Array(256)],
  ])('is not mistaken for a plaintext of %s', (_name, plaintext) => {
    expect(removePadding(addPadding(plaintext))).toEqual(plaintext);
  });

  it('hides the length within a step', () => {
    const lengths = Array.from({ length: 256 }, (_, length) => addPadding(new Uint8Array(length)).length);
    expect(new Set(lengths)).toEqual(new Set([256]));
  });

  it('gives a copy, so wiping the padded form leaves the plaintext', () => {
    const padded = addPadding(Uint8Array.of(9, 9));
    const plaintext = removePadding(padded);
    padded.fill(0);
    expect([...plaintext]).toEqual([9, 9]);
  });

  it('gives a copy of a Buffer too, whose slices share memory', () => {
    const padded = Buffer.from(addPadding(Uint8Array.of(9, 9)));
    const plaintext = removePadding(padded);
    padded.fill(0);
    expect([...plaintext]).toEqual([9, 9]);
  });

  it.each([
    ['is empty', new Uint8Array(0)],
    ['is no full step', createPadded(255, { 0: 0x80 })],
    ['is one byte too long', createPadded(257, { 0: 0x80 })],
    ['has no marker', new Uint8Array(256)],
    ['has a byte after the marker', createPadded(256, { 3: 0x80, 200: 1 })],
    ['has a byte at the very end', createPadded(256, { 3: 0x80, 255: 1 })],
    ['ends in PKCS #7 padding', new Uint8Array(256).fill(5)],
    ['has the marker before the last step', createPadded(512, { 255: 0x80 })],
    ['has the marker steps before the last step', createPadded(1024, { 0: 0x80 })],
  ])('is refused when the padded form %s', (_name, padded) => {
    expect(readCode(() => removePadding(padded))).toBe('integrity');
  });

  it('has one form per plaintext: what comes off goes on again as the same bytes', () => {
    const tail = fc.array(fc.constantFrom(0, 0x80, 1), { minLength: 256, maxLength: 256 });
    fc.assert(
      fc.property(tail, (bytes) => {
        const padded = Uint8Array.from(bytes);
        if (readCode(() => removePadding(padded)) === 'integrity') return;
        expect(addPadding(removePadding(padded))).toEqual(padded);
      }),
    );
  });

  it('returns any bytes unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (plaintext) => {
        expect(removePadding(addPadding(plaintext))).toEqual(plaintext);
      }),
    );
  });
});
