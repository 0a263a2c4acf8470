import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { EntrySet } from './entry-set.js';
import { HashList } from './hash-list.js';

const hashes = Array.from({ length: 50_000 }, (_, n) => createHash('sha256').update(String(n)).digest('hex'));

it('a set of entries knows each it was given and no other, however many', () => {
  const set = new EntrySet();
  const [known, unknown] = [hashes.slice(0, 40_000), hashes.slice(40_000)];
  expect(known.every((hash) => set.add(hash))).toBe(true);
  expect(known.some((hash) => set.add(hash))).toBe(false);
  expect([known.every((hash) => set.has(hash)), unknown.some((hash) => set.has(hash))]).toEqual([true, false]);
});

it('a list of hashes gives each by its number, up to the first gap', () => {
  const list = new HashList();
  expect(list.at(7)).toBeNull();
  hashes.forEach((hash, at) => {
    list.push(7 + at, hash);
  });
  list.push(7 + hashes.length + 1, 'ff'.repeat(32));
  expect(hashes.every((hash, at) => list.at(7 + at) === hash)).toBe(true);
  expect([list.at(6), list.at(7 + hashes.length), list.at(8 + hashes.length)]).toEqual([null, null, null]);
});
