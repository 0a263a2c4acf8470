import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RenewalSpool } from './renewal-spool.js';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-spool-'));
  path = join(folder, 'renewals.spool');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const openSpool = () => RenewalSpool.open({ path, onLostWrite: () => undefined });

/** What a process started now would find. */
async function readBack(): Promise<string[]> {
  const spool = await openSpool();
  const found = spool.listFound().map(({ content }) => Buffer.from(content).toString('hex'));
  await spool.close();
  return found.sort();
}

const hex = (contents: readonly Uint8Array[]) => contents.map((content) => Buffer.from(content).toString('hex')).sort();

describe('the renewal spool', () => {
  it('has its whole size from the start, for its owner only', async () => {
    await (await openSpool()).close();
    const { size, mode } = await stat(path);
    expect({ size, mode: mode & 0o777 }).toEqual({ size: 1_048_576, mode: 0o600 });
  });

  it('R16: gives back what was written, of any size, until it is erased', async () => {
    const contents = [1, 4_055, 4_056, 4_057, 20_000, 60_000].map((length) => randomBytes(length));
    const spool = await openSpool();
    const slots = await Promise.all(contents.map((content) => spool.write(content)));
    await spool.close();
    expect(await readBack()).toEqual(hex(contents));

    const again = await openSpool();
    await again.erase(slots[4] ?? -1, 20_000);
    await again.close();
    expect(await readBack()).toEqual(hex(contents.filter((_, index) => index !== 4)));
  });

  it('says when it is full, and takes new entries where old ones were erased', async () => {
    const spool = await openSpool();
    const slots: number[] = [];
    for (
      let slot = await spool.write(randomBytes(8_000));
      slot !== null;
      slot = await spool.write(randomBytes(8_000))
    ) {
      slots.push(slot);
    }
    expect(slots.length).toBe(128);
    expect((await stat(path)).size).toBe(1_048_576);
    await spool.erase(slots[7] ?? -1, 8_000);
    expect(await spool.write(randomBytes(8_000))).toBe(slots[7]);
    expect(await spool.write(randomBytes(10))).toBeNull();
    await spool.close();
  });

  it('passes over an entry that is torn or was changed, and keeps the others', async () => {
    const contents = [randomBytes(5_000), randomBytes(5_000), randomBytes(5_000)];
    const spool = await openSpool();
    const slots = await Promise.all(contents.map((content) => spool.write(content)));
    await spool.close();
    const file = await open(path, 'r+');
    await file.write(Buffer.from([0]), 0, 1, (slots[1] ?? 0) * 4_096 + 4_500);
    await file.write(Buffer.from([255]), 0, 1, (slots[1] ?? 0) * 4_096 + 4_501);
    await file.close();
    expect(await readBack()).toEqual(hex([contents[0], contents[2]].filter((content) => content !== undefined)));
  });

  it('overwrites nothing that another process wrote, and leaves nothing where it erases', async () => {
    const [one, other] = [await openSpool(), await openSpool()];
    const contents = [randomBytes(6_000), randomBytes(6_000), randomBytes(6_000)];
    const slots: (number | null)[] = [];
    for (const [index, content] of contents.entries()) slots.push(await (index === 1 ? other : one).write(content));
    expect(await readBack()).toEqual(hex(contents));
    await one.erase(slots[0] ?? -1, 6_000);
    await one.close();
    await other.close();
    const bytes = await readFile(path);
    expect(bytes.includes(contents[0]?.subarray(0, 100) ?? '')).toBe(false);
    expect(bytes.includes(contents[0]?.subarray(5_900) ?? '')).toBe(false);
    expect(await readBack()).toEqual(hex(contents.slice(1)));
  });

  it('mends a file that was cut', async () => {
    const spool = await openSpool();
    const content = randomBytes(100);
    await spool.write(content);
    await spool.close();
    await truncate(path, 5_000);
    expect(await readBack()).toEqual(hex([content]));
    expect((await stat(path)).size).toBe(1_048_576);
  });
});
