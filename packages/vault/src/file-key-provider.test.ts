import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKeyFile } from './file-key-provider.js';
import { createExampleKey, exampleNow, readFailure } from './vault-fixture.js';

const encodedA = Buffer.from(createExampleKey('file a')).toString('base64');
const encodedB = Buffer.from(createExampleKey('file b')).toString('base64');
const goodText = `kek-a ${encodedA} ${exampleNow}\n`;

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-key-file-'));
  path = join(folder, 'kek');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function writeKeyFile(text: string | Uint8Array, mode = 0o400): Promise<void> {
  await writeFile(path, text);
  await chmod(path, mode);
}

describe('a key file', () => {
  it('gives its keys in the order of its lines, the first one primary', async () => {
    await writeKeyFile(`${goodText}kek-b ${encodedB} 2026-02-03T00:00:00Z\n`);
    const provider = await openKeyFile(path);
    expect(provider.id).toBe('file');
    expect(provider.primary()).toBe('kek-a');
    expect(await provider.keys()).toEqual([
      { id: 'kek-a', createdAt: exampleNow },
      { id: 'kek-b', createdAt: '2026-02-03T00:00:00.000Z' },
    ]);
  });

  it('wraps with the key it holds', async () => {
    await writeKeyFile(goodText);
    const dek = createExampleKey('dek');
    const wrapped = await (await openKeyFile(path)).wrap('kek-a', dek, { dek_id: '1' });
    expect(await (await openKeyFile(path)).unwrap('kek-a', wrapped, { dek_id: '1' })).toEqual(dek);
  });

  it.each([
    ['without a final line break', goodText.trimEnd()],
    ['with empty lines', `\n${goodText}\n\n`],
    ['with CRLF', goodText.replace('\n', '\r\n')],
    ['with tabs and several spaces', `kek-a\t${encodedA}   ${exampleNow}  \n`],
  ])('is read %s', async (_name, text) => {
    await writeKeyFile(text);
    expect((await openKeyFile(path)).primary()).toBe('kek-a');
  });

  it('is found through a symbolic link, as mounted secrets are', async () => {
    await writeKeyFile(goodText);
    const link = join(folder, 'link');
    await symlink(path, link);
    expect((await openKeyFile(link)).primary()).toBe('kek-a');
  });

  it('K4: that is missing is reported as missing, and none is made', async () => {
    const failure = await readFailure(openKeyFile(path));
    expect(failure.code).toBe('key_file_missing');
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  it('K4: is unchanged by opening it, whether or not it is accepted', async () => {
    for (const text of [goodText, 'kek-a broken']) {
      await writeKeyFile(text, 0o600);
      await openKeyFile(path).catch(() => null);
      expect(await readFile(path, 'utf8')).toBe(text);
    }
  });
});

describe('reading a key file anew', () => {
  it('K8: finds a key that was added at its end, and still wraps with the first one', async () => {
    await writeKeyFile(goodText, 0o600);
    const provider = await openKeyFile(path);
    await writeKeyFile(`${goodText}kek-b ${encodedB} ${exampleNow}\n`, 0o600);
    expect((await provider.keys()).map(({ id }) => id)).toEqual(['kek-a']);
    await provider.reload();
    expect((await provider.keys()).map(({ id }) => id)).toEqual(['kek-a', 'kek-b']);
    expect(provider.primary()).toBe('kek-a');
    const dek = createExampleKey('dek');
    expect(await provider.unwrap('kek-b', await provider.wrap('kek-b', dek, {}), {})).toEqual(dek);
  });

  it('forgets a key that was taken out', async () => {
    await writeKeyFile(`${goodText}kek-b ${encodedB} ${exampleNow}\n`, 0o600);
    const provider = await openKeyFile(path);
    await writeKeyFile(`kek-b ${encodedB} ${exampleNow}\n`, 0o600);
    await provider.reload();
    expect(provider.primary()).toBe('kek-b');
    expect((await readFailure(provider.wrap('kek-a', createExampleKey('dek'), {}))).code).toBe('missing_key');
  });

  it.each([
    ['its mode is loose', () => chmod(path, 0o644), 'key_file_refused'],
    ['it is gone', () => rm(path), 'key_file_missing'],
    ['a line is wrong', () => writeFile(path, `${goodText}kek-b\n`), 'key_file_refused'],
    ['it is empty', () => writeFile(path, ''), 'key_file_refused'],
  ])('K4: keeps the keys it had when %s, and says so', async (_name, spoil, code) => {
    await writeKeyFile(goodText, 0o600);
    const provider = await openKeyFile(path);
    const dek = createExampleKey('dek');
    const wrapped = await provider.wrap('kek-a', dek, {});
    await spoil();
    const failure = await readFailure(provider.reload());
    expect(failure.code).toBe(code);
    expect(failure.message).not.toContain(folder);
    expect(await provider.unwrap('kek-a', wrapped, {})).toEqual(dek);
    await writeKeyFile(goodText, 0o600);
    await provider.reload();
  });
});

describe('the mode of a key file', () => {
  it('K11: is accepted as 0400 and 0600 and refused as anything else', async () => {
    await writeKeyFile(goodText, 0o600);
    const accepted: string[] = [];
    for (let mode = 0; mode <= 0o777; mode++) {
      await chmod(path, mode);
      const outcome = await openKeyFile(path).then(
        () => 'accepted',
        (error: { code?: string }) => error.code,
      );
      if (outcome === 'accepted') accepted.push(mode.toString(8));
      else expect(outcome).toBe('key_file_refused');
    }
    expect(accepted).toEqual(['400', '600']);
  });

  it.each([0o4400, 0o2400, 0o1600])('K11: is refused with a special bit (%d)', async (mode) => {
    await writeKeyFile(goodText, mode);
    expect((await readFailure(openKeyFile(path))).code).toBe('key_file_refused');
  });

  it('K11: is named in the message together with what to do', async () => {
    await writeKeyFile(goodText, 0o644);
    const failure = await readFailure(openKeyFile(path));
    expect(failure.message).toContain('0644');
    expect(failure.message).toContain('chmod 0400');
  });

  it('K11: is that of the file, not of the link to it', async () => {
    await writeKeyFile(goodText, 0o640);
    const link = join(folder, 'link');
    await symlink(path, link);
    expect((await readFailure(openKeyFile(link))).code).toBe('key_file_refused');
  });
});

describe('a key file is refused', () => {
  const unpadded = encodedA.replace('=', '');
  const urlSafe = Buffer.from(new Uint8Array(32).fill(0xff)).toString('base64').replaceAll('/', '_');
  it.each([
    ['it is empty', ''],
    ['it holds only empty lines', '\n \n\t\n'],
    ['a field is missing', `kek-a ${encodedA}\n`],
    ['a field is too many', `kek-a ${encodedA} ${exampleNow} note\n`],
    ['it holds a bare key', `${encodedA}\n`],
    ['id and key are swapped', `${encodedA} kek-a ${exampleNow}\n`],
    ['the id has other characters', `kek/a ${encodedA} ${exampleNow}\n`],
    ['the id is too long', `${'k'.repeat(65)} ${encodedA} ${exampleNow}\n`],
    ['the key is hex', `kek-a ${'00'.repeat(32)} ${exampleNow}\n`],
    ['the key is too short', `kek-a ${Buffer.alloc(31).toString('base64')} ${exampleNow}\n`],
    ['the key is too long', `kek-a ${Buffer.alloc(33).toString('base64')} ${exampleNow}\n`],
    ['the key lacks its padding', `kek-a ${unpadded} ${exampleNow}\n`],
    ['the key is base64url', `kek-a ${urlSafe} ${exampleNow}\n`],
    ['the key has stray bits at its end', `kek-a ${'A'.repeat(42)}B= ${exampleNow}\n`],
    ['the time is no time', `kek-a ${encodedA} yesterday\n`],
    ['the time has an offset', `kek-a ${encodedA} 2026-01-02T03:04:05+01:00\n`],
    ['the time is impossible', `kek-a ${encodedA} 2026-13-02T03:04:05Z\n`],
    ['an id is repeated', `${goodText}kek-a ${encodedB} ${exampleNow}\n`],
    ['a later line is wrong', `${goodText}kek-b\n`],
    ['it is larger than 64 KiB', `${goodText}${'\n'.repeat(65_536)}`],
    ['it holds a comment', `# keys\n${goodText}`],
  ])('K4, K12: when %s, without a word of its contents or its path', async (_name, text) => {
    await writeKeyFile(text);
    const failure = await readFailure(openKeyFile(path));
    expect(failure.code).toBe('key_file_refused');
    const shown = `${failure.message} ${failure.stack ?? ''}`.split('\n    at ')[0] ?? '';
    for (const field of text.split(/\s+/).filter((part) => part.length > 4 && part !== '#')) {
      expect(shown).not.toContain(field);
    }
    expect(shown).not.toContain(folder);
    expect(failure.cause).toBeUndefined();
  });

  it('when a line is wrong, with the number of that line', async () => {
    await writeKeyFile(`\n${goodText}\nkek-b ${encodedB}\n`);
    expect((await readFailure(openKeyFile(path))).message).toContain('line 4');
  });

  it('when it is a folder', async () => {
    await mkdir(path, { mode: 0o700 });
    expect((await readFailure(openKeyFile(path))).code).toBe('key_file_refused');
  });

  it('when it is a named pipe, without waiting for a writer', async () => {
    execFileSync('mkfifo', ['-m', '600', path]);
    expect((await readFailure(openKeyFile(path))).message).toContain('not a regular file');
  });

  it('when a part of the path is a file', async () => {
    await writeKeyFile(goodText);
    const failure = await readFailure(openKeyFile(join(path, 'kek')));
    expect(failure.code).toBe('key_file_refused');
    expect(failure.message).toContain('ENOTDIR');
    expect(failure.message).not.toContain(folder);
  });
});
