import { expect, it } from 'vitest';
import { RecentReads } from './recent-reads.js';

function create() {
  const written: (readonly string[])[] = [];
  const world = { now: Date.UTC(2026, 0, 1), written, isDown: false };
  const touchRead = async (refs: readonly string[]) => {
    if (world.isDown) throw new Error('no database');
    written.push(refs);
  };
  const transaction = (work: (stores: never) => Promise<unknown>) => work({ connections: { touchRead } } as never);
  const database = { transaction } as unknown as ConstructorParameters<typeof RecentReads>[0]['database'];
  return { world, reads: new RecentReads({ database, clock: { now: () => world.now } }) };
}

it('writes a connection that is read all the time once an hour, and all of them together', async () => {
  const { world, reads } = create();
  for (let read = 0; read < 100; read++) reads.note(read % 2 === 0 ? 'a' : 'b');
  await reads.write();
  world.now += 3_599_000;
  reads.note('a');
  await reads.write();
  expect(world.written).toEqual([['a', 'b']]);
  world.now += 1_000;
  reads.note('a');
  await reads.write();
  expect(world.written).toEqual([['a', 'b'], ['a']]);
});

it('writes later what the database would not take', async () => {
  const { world, reads } = create();
  reads.note('a');
  world.isDown = true;
  await expect(reads.write()).rejects.toThrow('no database');
  world.isDown = false;
  await reads.write();
  expect(world.written).toEqual([['a']]);
});
