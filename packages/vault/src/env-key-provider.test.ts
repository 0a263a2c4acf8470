import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { computeKekCheckValue } from './derived-keys.js';
import { openEnvKey } from './env-key-provider.js';
import { createKeyFile, openKeyFile } from './file-key-provider.js';
import { createKeyRing } from './key-ring.js';
import { createExampleKey, exampleContext, exampleNow, openRows, readCode, readFailure } from './vault-fixture.js';

const key = createExampleKey('environment');
const text = Buffer.from(key).toString('base64');

describe('the key of the environment', () => {
  it('has an id that follows from the key alone', async () => {
    const provider = openEnvKey(text);
    const checkValue = Buffer.from(computeKekCheckValue(key)).toString('hex');
    expect(provider.id).toBe('env');
    expect(provider.primary()).toBe(`env-${checkValue.slice(0, 8)}`);
    expect(openEnvKey(text).primary()).toBe(provider.primary());
    expect((await provider.keys()).map(({ id }) => id)).toEqual([provider.primary()]);
    expect(openEnvKey(Buffer.from(createExampleKey('other')).toString('base64')).primary()).not.toBe(
      provider.primary(),
    );
  });

  it('wraps a ring that opens again with the same text', async () => {
    const rows = await createKeyRing({ provider: openEnvKey(text), now: exampleNow });
    const vault = await openRows({ provider: openEnvKey(`\n${text} `), rows });
    expect([...vault.open(vault.seal(Uint8Array.of(1), exampleContext), exampleContext)]).toEqual([1]);
  });

  it('K4: is missed by its id when another one is given, and no key is made', async () => {
    const provider = openEnvKey(text);
    const rows = await createKeyRing({ provider, now: exampleNow });
    const other = openEnvKey(Buffer.from(createExampleKey('other')).toString('base64'));
    const failure = await readFailure(openRows({ provider: other, rows }));
    expect(failure.code).toBe('missing_key');
    expect(failure.message).toContain(`The key provider "env" lacks key "${provider.primary()}"`);
    expect(failure.message).toContain('data key 1');
  });

  it('can be left for a key file that holds the same key under its id', async () => {
    const provider = openEnvKey(text);
    const rows = await createKeyRing({ provider, now: exampleNow });
    const folder = await mkdtemp(join(tmpdir(), 'nexus-env-key-'));
    const path = join(folder, 'kek');
    await createKeyFile(path, exampleNow);
    const lines = `${await readFile(path, 'utf8')}${provider.primary()} ${text} ${exampleNow}\n`;
    await chmod(path, 0o600);
    await writeFile(path, lines);
    const file = await openKeyFile(path);
    expect(file.primary()).not.toBe(provider.primary());
    const vault = await openRows({ provider: file, rows });
    expect(vault.knows(1)).toBe(true);
    await rm(folder, { recursive: true });
  });

  it('has nothing to read anew', async () => {
    const provider = openEnvKey(text);
    await provider.reload();
    expect((await provider.keys()).length).toBe(1);
  });

  it.each([
    ['empty', ''],
    ['too short', Buffer.alloc(31).toString('base64')],
    ['too long', Buffer.alloc(33).toString('base64')],
    ['hex', '00'.repeat(32)],
    ['base64url', Buffer.alloc(32, 0xff).toString('base64url')],
    ['without padding', text.replace('=', '')],
    ['two keys', `${text}\n${text}`],
    ['a line of a key file', `kek ${text} ${exampleNow}`],
    ['a sentence', 'correct horse battery staple'],
  ])('K12: is refused when it is %s, without a word of it', (_name, wrong) => {
    expect(readCode(() => openEnvKey(wrong))).toBe('invalid_input');
    try {
      openEnvKey(wrong);
    } catch (error) {
      const shown = `${(error as Error).message} ${(error as Error).cause}`;
      expect(shown).toContain('The key of the environment is not the base64 form of 32 bytes.');
      for (const part of wrong.split(/\s+/).filter((field) => field.length > 4)) expect(shown).not.toContain(part);
    }
  });
});
