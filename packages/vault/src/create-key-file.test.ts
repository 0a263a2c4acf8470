import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyFile, openKeyFile } from './file-key-provider.js';
import { createCountingRandom, createExampleKey, exampleNow, readFailure } from './vault-fixture.js';

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-key-file-'));
  path = join(folder, 'kek');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('createKeyFile', () => {
  it('writes a file that openKeyFile reads, and says which key it holds', async () => {
    const info = await createKeyFile(path, exampleNow);
    const provider = await openKeyFile(path);
    expect(await provider.keys()).toEqual([info]);
    expect(provider.primary()).toBe(info.id);
    expect(info.createdAt).toBe(exampleNow);
  });

  it('K11: leaves the file readable by its owner only and writable by nobody', async () => {
    await createKeyFile(path, exampleNow);
    expect(((await stat(path)).mode & 0o7777).toString(8)).toBe('400');
  });

  it('K11: does so whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await createKeyFile(path, exampleNow);
      process.umask(0o777);
      await createKeyFile(join(folder, 'other'), exampleNow);
    } finally {
      process.umask(before);
    }
    expect(((await stat(path)).mode & 0o7777).toString(8)).toBe('400');
    expect(((await stat(join(folder, 'other'))).mode & 0o7777).toString(8)).toBe('400');
  });

  it('writes one line with a 32-byte key and leaves nothing else behind', async () => {
    await createKeyFile(path, exampleNow);
    const text = await readFile(path, 'utf8');
    expect(text).toMatch(/^kek-2026-01-02-[0-9a-f]{8} [A-Za-z0-9+/]{43}= 2026-01-02T03:04:05\.678Z\n$/);
    expect(await readdir(folder)).toEqual(['kek']);
  });

  it('takes the key from the random source', async () => {
    await createKeyFile(path, exampleNow, createCountingRandom());
    const key = Buffer.from(createCountingRandom()(32)).toString('base64');
    expect((await readFile(path, 'utf8')).split(' ')[1]).toBe(key);
  });

  it('makes another key under another id each time', async () => {
    const one = await createKeyFile(path, exampleNow);
    const two = await createKeyFile(join(folder, 'other'), exampleNow);
    expect(one.id).not.toBe(two.id);
    const keyOf = async (file: string) => (await readFile(file, 'utf8')).split(' ')[1];
    expect(await keyOf(path)).not.toBe(await keyOf(join(folder, 'other')));
  });

  it('K4: never overwrites an existing file, not even an empty or refused one', async () => {
    for (const text of [
      '',
      'anything',
      `kek-a ${Buffer.from(createExampleKey('x')).toString('base64')} ${exampleNow}\n`,
    ]) {
      await writeFile(path, text);
      await chmod(path, 0o644);
      const failure = await readFailure(createKeyFile(path, exampleNow));
      expect(failure.code).toBe('key_file_refused');
      expect(failure.message).toContain('never overwritten');
      expect(await readFile(path, 'utf8')).toBe(text);
    }
  });

  it('K4: does not write through a link', async () => {
    const target = join(folder, 'target');
    await symlink(target, path);
    expect((await readFailure(createKeyFile(path, exampleNow))).code).toBe('key_file_refused');
    expect(await readdir(folder)).toEqual(['kek']);
  });

  it('lets one of two callers win, and the file holds the key of the winner', async () => {
    const results = await Promise.allSettled([createKeyFile(path, exampleNow), createKeyFile(path, exampleNow)]);
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(won.length).toBe(1);
    expect(await (await openKeyFile(path)).keys()).toEqual(won);
  });

  it('K12: names no path when the folder is missing', async () => {
    const failure = await readFailure(createKeyFile(join(folder, 'absent', 'kek'), exampleNow));
    expect(failure.code).toBe('key_file_refused');
    expect(failure.message).toContain('ENOENT');
    expect(failure.message).not.toContain(folder);
  });

  it('K5: leaves no file when the random source fails', async () => {
    const random = () => {
      throw new Error('no entropy');
    };
    expect((await readFailure(createKeyFile(path, exampleNow, random))).code).toBe('random_failed');
    expect(await readdir(folder)).toEqual([]);
  });
});
