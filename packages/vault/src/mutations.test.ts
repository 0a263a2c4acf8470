import { describe, expect, it } from 'vitest';
import { mutationKinds, runMutations } from './mutations-fixture.js';

/** `npm run mutations -- --count 100000 --seed N` is the long form, which also repeats a seed. */
const count = 10_000;

describe('random manipulations of sealed values', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);

  it(`K1, K2: are all refused (${count}, seed ${seed})`, async () => {
    const { tried, refused, accepted } = await runMutations({ count, seed });
    expect(accepted).toEqual([]);
    expect(tried).toBe(count);
    const kinds = new Set([...refused.keys()].map((key) => key.replace(/: .*/, '')));
    expect([...kinds].sort()).toEqual([...mutationKinds].sort());
  });

  it('are the same again for the same seed', async () => {
    const [one, two] = [await runMutations({ count: 500, seed: 7 }), await runMutations({ count: 500, seed: 7 })];
    expect([...one.refused].sort()).toEqual([...two.refused].sort());
    const other = await runMutations({ count: 500, seed: 8 });
    expect([...other.refused].sort()).not.toEqual([...one.refused].sort());
  });
});
