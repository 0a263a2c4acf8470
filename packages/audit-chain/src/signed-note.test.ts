import { describe, expect, it } from 'vitest';
import { createSigner } from './log-rows-fixture.js';
import {
  decodeVerifierKey,
  encodeVerifierKey,
  hashNote,
  isSignedBy,
  namesKey,
  readSignedNote,
  writeCheckpointBody,
  writeSignedNote,
} from './signed-note.js';

const signer = createSigner('nexus-5', 'a seed');
const checkpoint = {
  origin: 'nexus/00112233aabbccdd',
  size: 4711,
  headHash: new Uint8Array(32).fill(1),
  previousNoteHash: new Uint8Array(32),
  createdAt: '2026-11-22T18:10:47.123Z',
};
const body = writeCheckpointBody(checkpoint);
const note = writeSignedNote(body, signer, signer.sign(body));

describe('a checkpoint', () => {
  it('is text of eight lines', () => {
    expect(note.split('\n').slice(0, 6)).toEqual([
      'nexus/00112233aabbccdd',
      '4711',
      'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=',
      'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
      '2026-11-22T18:10:47.123Z',
      '',
    ]);
    expect(note.split('\n')[6]).toMatch(/^\u2014 nexus-5 [A-Za-z0-9+/]{91}=$/);
    expect([note.split('\n').length, note.endsWith('\n')]).toEqual([8, true]);
  });

  it('is read back, and its signature verifies with its key only', () => {
    const read = readSignedNote(note);
    expect(read).toMatchObject({ checkpoint, keyName: 'nexus-5', body });
    if (read === null) return;
    expect(isSignedBy(read, signer)).toBe(true);
    const [namesake, renamed] = [createSigner('nexus-5', 'another seed'), { ...signer, name: 'nexus-6' }];
    expect([isSignedBy(read, namesake), namesKey(read, namesake)]).toEqual([false, false]);
    expect([isSignedBy(read, renamed), namesKey(read, renamed)]).toEqual([false, false]);
  });

  it('changed in one character is not read, or not signed', () => {
    for (let at = 0; at < note.length; at++) {
      const changed = note.slice(0, at) + (note[at] === 'A' ? 'B' : 'A') + note.slice(at + 1);
      const read = readSignedNote(changed);
      expect(read !== null && isSignedBy(read, signer)).toBe(false);
    }
  });

  const [head = '', signature = ''] = note.split('\n\n');
  it.each([
    ['a line more', `${head}\nmore\n\n${signature}`],
    ['a line less', `${head.split('\n').slice(0, 4).join('\n')}\n\n${signature}`],
    ['a second signature', note + signature],
    ['no last newline', note.slice(0, -1)],
    ['a size with a zero before it', note.replace('\n4711\n', '\n04711\n')],
    ['a size that is no number', note.replace('\n4711\n', '\nmany\n')],
    ['a size beyond what is exact', note.replace('\n4711\n', '\n9007199254740993\n')],
    ['base64 without its padding', note.replace('AQE=', 'AQE')],
    ['base64 in its other alphabet', note.replaceAll('/', '_').replaceAll('+', '-').replace('nexus_', 'nexus/')],
    ['base64 with bits left over', note.replace('AQE=', 'AQF=')],
    ['a shorter hash', note.replace('AQEBAQE=', 'AQE=')],
  ])('is not read with %s', (_what, text) => {
    expect(text).not.toBe(note);
    expect(readSignedNote(text)).toBeNull();
  });

  it('is remembered by the hash of the whole note', () => {
    expect(hashNote(note)).not.toEqual(hashNote(note.replace('nexus-5', 'nexus-6')));
  });
});

describe('a verifier key', () => {
  it('survives being written', () => {
    const text = encodeVerifierKey(signer);
    expect(text).toMatch(/^nexus-5\+[0-9a-f]{8}\+A[A-Za-z0-9+/]{43}$/);
    expect(decodeVerifierKey(text)).toEqual({ name: signer.name, publicKey: signer.publicKey });
  });

  it.each([
    ['other digits', (text: string) => text.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
    ['another name', (text: string) => text.replace('nexus-5', 'nexus-6')],
    ['a shorter key', (text: string) => text.slice(0, -4)],
    ['no name', (text: string) => text.replace('nexus-5', '')],
    ['a line before it', (text: string) => `x\n${text}`],
  ])('is refused with %s', (_what, change) => {
    expect(decodeVerifierKey(change(encodeVerifierKey(signer)))).toBeNull();
  });
});
