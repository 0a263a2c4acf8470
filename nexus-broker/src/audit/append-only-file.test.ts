import { appendFile, chmod, mkdtemp, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppendOnlyFile } from './append-only-file.js';

describe('an append-only file', () => {
  let folder: string;
  let path: string;
  const opened: AppendOnlyFile[] = [];
  const open = async (): Promise<AppendOnlyFile> => {
    const file = await AppendOnlyFile.open({ path, onLostWrite: () => undefined });
    opened.push(file);
    return file;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nexus-append-'));
    path = join(folder, 'lines.log');
  });
  afterEach(async () => {
    for (const file of opened.splice(0)) await file.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('is made for its owner alone, and keeps the mode and the lines it has', async () => {
    await (await open()).append('one\n');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await chmod(path, 0o640);
    await (await open()).append('two\n');
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
  });

  it('keeps lines whole and in order, however many are appended at once', async () => {
    const file = await open();
    const lines = Array.from({ length: 50 }, (_, index) => `${index} ${'x'.repeat(10_000)}\n`);
    await Promise.all(lines.map((line) => file.append(line)));
    expect(await readFile(path, 'utf8')).toBe(lines.join(''));
  });

  it.each(['', 'whole\n', 'torn'])('begins a line of its own after %j', async (text) => {
    await writeFile(path, text);
    await (await open()).append('next\n');
    await (await open()).append('last\n');
    expect(await readFile(path, 'utf8')).toBe(`${text}${text === 'torn' ? '\n' : ''}next\nlast\n`);
  });

  it('counts as out of place while it is removed, replaced or cut, and takes nothing then', async () => {
    const file = await open();
    await file.append('one\n');
    const states: boolean[] = [file.isInPlace()];
    await rename(path, `${path}.away`);
    states.push(file.isInPlace());
    await expect(file.append('lost\n')).rejects.toThrow('removed, replaced or cut');
    await writeFile(path, 'one\n');
    states.push(file.isInPlace());
    await rm(path);
    await symlink('/dev/null', path);
    states.push(file.isInPlace());
    await rm(path);
    await rename(`${path}.away`, path);
    states.push(file.isInPlace());
    await truncate(path, 2);
    states.push(file.isInPlace());
    await expect(file.append('lost\n')).rejects.toThrow('removed, replaced or cut');
    await appendFile(path, 'e\n');
    states.push(file.isInPlace());
    expect(states).toEqual([true, false, false, false, true, false, true]);
    await file.append('two\n');
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
  });

  it('refuses what is no file to append to', async () => {
    await expect(AppendOnlyFile.open({ path: '/dev/null', onLostWrite: () => undefined })).rejects.toThrow(
      'not a regular file',
    );
    await expect(AppendOnlyFile.open({ path: folder, onLostWrite: () => undefined })).rejects.toThrow('EISDIR');
    const missing = join(folder, 'none', 'lines.log');
    await expect(AppendOnlyFile.open({ path: missing, onLostWrite: () => undefined })).rejects.toThrow('ENOENT');
  });
});
