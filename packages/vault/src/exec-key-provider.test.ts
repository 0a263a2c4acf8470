import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openExecKeys } from './exec-key-provider.js';
import type { KeyProvider } from './key-provider.js';
import { createExampleKey, exampleNow, readFailure } from './vault-fixture.js';

const dek = createExampleKey('dek');
const encodedDek = Buffer.from(dek).toString('base64');
const goodKeys = { primary: 'kek-1', keys: [{ id: 'kek-1', created_at: exampleNow }] };

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-key-helper-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A helper that is a shell script; `$1` is a folder of its own. */
function helperOf(script: string, timeoutMs = 5000) {
  return {
    command: ['/bin/sh', '-c', script, 'helper', folder],
    timeoutMs,
    environment: { PATH: '/usr/bin:/bin', HOME: folder, NEXUS_KMS_URL: 'http://kms.test', ADMIN_API_KEY: 'hunter2' },
  };
}

/** A helper that answers with the contents of the file `answer`, whatever it is asked. */
async function answerWith(answer: unknown): Promise<void> {
  await writeFile(join(folder, 'answer'), typeof answer === 'string' ? answer : `${JSON.stringify(answer)}\n`);
}

const answering = 'cat > "$1/question"; cat "$1/answer"';

async function openAnswering(): Promise<KeyProvider> {
  await answerWith(goodKeys);
  return openExecKeys(helperOf(answering));
}

async function readQuestion(): Promise<string> {
  return readFile(join(folder, 'question'), 'utf8');
}

describe('the exec key provider', () => {
  it('asks which keys there are when it is opened and at a reload', async () => {
    const provider = await openAnswering();
    expect(await readQuestion()).toBe('{"v":1,"op":"keys"}\n');
    expect([provider.id, provider.primary()]).toEqual(['exec', 'kek-1']);
    expect(await provider.keys()).toEqual([{ id: 'kek-1', createdAt: exampleNow }]);
    const second = { id: 'arn:aws:kms:eu-west-1:0:key/2', created_at: '2026-02-03T00:00:00Z' };
    await answerWith({ ...goodKeys, keys: [...goodKeys.keys, second] });
    await provider.reload();
    expect((await provider.keys())[1]).toEqual({ id: second.id, createdAt: '2026-02-03T00:00:00.000Z' });
  });

  it('hands a key over to be wrapped, and takes back what came of it', async () => {
    const provider = await openAnswering();
    await answerWith({ wrapped: Buffer.from('wrapped key').toString('base64') });
    const wrapped = await provider.wrap('kek-1', dek, { dek_id: '7', purpose: 'cred' });
    expect(Buffer.from(wrapped).toString()).toBe('wrapped key');
    expect(JSON.parse(await readQuestion())).toEqual({
      v: 1,
      op: 'wrap',
      key: 'kek-1',
      data_key: encodedDek,
      context: { dek_id: '7', purpose: 'cred' },
    });
  });

  it('hands a wrapped key over to be unwrapped', async () => {
    const provider = await openAnswering();
    await answerWith({ data_key: encodedDek });
    expect(await provider.unwrap('kek-1', new TextEncoder().encode('wrapped'), { purpose: 'cred' })).toEqual(dek);
    expect(JSON.parse(await readQuestion())).toEqual({
      v: 1,
      op: 'unwrap',
      key: 'kek-1',
      wrapped: Buffer.from('wrapped').toString('base64'),
      context: { purpose: 'cred' },
    });
  });

  it('accepts an answer without a line break, or with that of another system', async () => {
    for (const end of ['', '\n', '\r\n']) {
      await answerWith(`${JSON.stringify(goodKeys)}${end}`);
      expect((await openExecKeys(helperOf(answering))).primary()).toBe('kek-1');
    }
  });

  it('does not mind a helper that answers before it has read the question', async () => {
    await answerWith(goodKeys);
    const provider = await openExecKeys(helperOf('cat "$1/answer"'));
    await answerWith({ wrapped: 'AAAA' });
    expect((await provider.wrap('kek-1', dek, { note: 'x'.repeat(1_000_000) })).length).toBe(3);
  });

  it('answers many at once', async () => {
    const provider = await openAnswering();
    await answerWith({ data_key: encodedDek });
    const keys = await Promise.all(Array.from({ length: 10 }, () => provider.unwrap('kek-1', dek, {})));
    expect(keys.every((key) => Buffer.compare(key, dek) === 0)).toBe(true);
  });

  it('refuses to wrap what is no data key, without asking', async () => {
    const provider = await openAnswering();
    expect((await readFailure(provider.wrap('kek-1', new Uint8Array(31), {}))).code).toBe('invalid_input');
    expect(await readQuestion()).toBe('{"v":1,"op":"keys"}\n');
  });
});

describe('what a key helper is given', () => {
  it('K12: are no keys in its arguments or its environment, and of that only what is meant for it', async () => {
    const spying =
      'env > "$1/env"; tr "\\0" " " < "/proc/$$/cmdline" > "$1/cmdline"; cat > "$1/question"; cat "$1/answer"';
    await answerWith(goodKeys);
    const provider = await openExecKeys(helperOf(spying));
    await answerWith({ wrapped: 'AAAA' });
    await provider.wrap('kek-1', dek, { purpose: 'cred' });
    const env = await readFile(join(folder, 'env'), 'utf8');
    const names = env.split('\n').flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
    expect(names.filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)).sort()).toEqual([
      'HOME',
      'NEXUS_KMS_URL',
      'PATH',
    ]);
    const shown = env + (await readFile(join(folder, 'cmdline'), 'utf8'));
    expect(shown).toContain('/bin/sh -c');
    for (const secret of [encodedDek, 'hunter2']) expect(shown).not.toContain(secret);
    expect(await readQuestion()).toContain(encodedDek);
  });

  it('is no shell: a command is one program and its arguments', async () => {
    await answerWith(goodKeys);
    const command = ['/bin/cat', `${folder}/answer; touch ${folder}/owned`];
    expect((await readFailure(openExecKeys({ ...helperOf(''), command }))).code).toBe('provider_failed');
    await expect(readFile(join(folder, 'owned'))).rejects.toThrow('ENOENT');
  });
});

describe('a key helper that reports', () => {
  it.each([
    ['missing_key', 'missing_key', 'does not hold this key'],
    ['wrong_key', 'wrong_key', 'another key under this id'],
    ['integrity', 'integrity', 'altered or belongs to another row'],
    ['unavailable', 'provider_failed', 'cannot reach the keys at the moment'],
    ['teapot-0011', 'provider_failed', 'an unknown error'],
    ['constructor', 'provider_failed', 'an unknown error'],
    [42, 'provider_failed', 'an unknown error'],
    [null, 'provider_failed', 'an unknown error'],
  ])('K4: %j is understood as %s, without its words', async (error, code, message) => {
    const provider = await openAnswering();
    await answerWith({ error, message: `bad key ${encodedDek}`, data_key: encodedDek });
    const failure = await readFailure(provider.unwrap('kek-1', dek, {}));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(message);
    for (const words of ['bad key', encodedDek, '0011']) expect(failure.message).not.toContain(words);
    expect(failure.cause).toBeUndefined();
  });
});

describe('a key helper that fails', () => {
  it.each([
    ['is missing', ['/nonexistent/helper'], 'cannot be started (ENOENT)'],
    ['may not be run', ['/dev/null'], 'cannot be started (EACCES)'],
    ['has an argument no program can have', ['/bin/cat', 'a\0b'], 'cannot be started'],
    ['fails', ['/bin/sh', '-c', 'cat >/dev/null; exit 3'], 'ended with exit code 3'],
    ['fails after an answer', ['/bin/sh', '-c', `echo '${JSON.stringify(goodKeys)}'; exit 1`], 'exit code 1'],
    ['crashes', ['/bin/sh', '-c', 'kill -SEGV $$'], 'was ended by SIGSEGV'],
    ['says nothing', ['/bin/true'], 'something else than one line with one JSON object'],
    ['writes to stderr only', ['/bin/sh', '-c', 'echo hunter2 >&2'], 'one line with one JSON object'],
  ])('K4: because it %s is named, and not quoted', async (_name, command, message) => {
    const failure = await readFailure(openExecKeys({ ...helperOf(''), command }));
    expect(failure.code).toBe('provider_failed');
    expect(failure.message).toMatch(/^The key helper /);
    expect(failure.message).toContain(message);
    for (const words of [...command, 'hunter2']) expect(failure.message).not.toContain(words);
    expect(failure.cause).toBeUndefined();
  });

  it('is an empty command', async () => {
    for (const command of [[], ['']]) {
      expect((await readFailure(openExecKeys({ ...helperOf(''), command }))).code).toBe('invalid_input');
    }
  });

  it('is given up on after its time, and ended with everything it started', async () => {
    const script = 'sleep 60 & echo $! > "$1/pid"; wait';
    const failure = await readFailure(openExecKeys(helperOf(script, 300)));
    expect(failure.code).toBe('provider_failed');
    expect(failure.message).toBe('The key helper gave no answer within 300 ms.');
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
    for (let tries = 0; tries < 100 && (await isRunning(pid)); tries++) await sleep(10);
    expect(await isRunning(pid)).toBe(false);
  });

  it('is given up on when it ends and leaves a program behind that keeps its output open', async () => {
    const script = 'sleep 60 & echo $! > "$1/pid"; echo "{}"';
    expect((await readFailure(openExecKeys(helperOf(script, 300)))).message).toContain('no answer within 300 ms');
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
    for (let tries = 0; tries < 100 && (await isRunning(pid)); tries++) await sleep(10);
    expect(await isRunning(pid)).toBe(false);
  });

  it('is stopped when it writes without end', async () => {
    const failure = await readFailure(openExecKeys(helperOf('exec cat /dev/zero', 5000)));
    expect(failure.message).toBe('The key helper answered with more than 65536 bytes.');
  });
});

/** A killed process whose parent is gone may remain as a zombie. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return status !== null && !/\) [ZX] /.test(status);
}

describe('an answer of a key helper is refused', () => {
  const line = JSON.stringify(goodKeys);
  it.each([
    ['garbage', 'Segmentation fault\n'],
    ['two lines', `${line}\n${line}\n`],
    ['an empty line before', `\n${line}\n`],
    ['an empty line after', `${line}\n\n`],
    ['no object', '[]\n'],
    ['null', 'null\n'],
    ['a text', '"kek-1"\n'],
    ['half an object', line.slice(0, -1)],
    ['nothing', ''],
  ])('when it is %s', async (_name, answer) => {
    await answerWith(answer);
    const failure = await readFailure(openExecKeys(helperOf(answering)));
    expect(failure.code).toBe('provider_failed');
    expect(failure.message).toBe('The key helper answered with something else than one line with one JSON object.');
  });

  it('when it is no UTF-8', async () => {
    await writeFile(join(folder, 'answer'), Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
    const failure = await readFailure(openExecKeys(helperOf(answering)));
    expect(failure.message).toContain('something else than one line with one JSON object');
  });

  it.each([
    ['no list', { primary: 'kek-1' }, 'provider_failed'],
    ['no keys', { primary: 'kek-1', keys: [] }, 'missing_key'],
    [
      'too many keys',
      { primary: 'k0', keys: Array.from({ length: 65 }, (_, i) => ({ id: `k${i}`, created_at: exampleNow })) },
      'provider_failed',
    ],
    ['no primary', { keys: goodKeys.keys }, 'provider_failed'],
    ['a primary it does not list', { ...goodKeys, primary: 'kek-2' }, 'provider_failed'],
    ['an id twice', { ...goodKeys, keys: [...goodKeys.keys, ...goodKeys.keys] }, 'provider_failed'],
    ['an id with a line break', { primary: 'a\nb', keys: [{ id: 'a\nb', created_at: exampleNow }] }, 'provider_failed'],
    ['a key that is a text', { primary: 'kek-1', keys: ['kek-1'] }, 'provider_failed'],
    ['a key that is null', { primary: 'kek-1', keys: [null] }, 'provider_failed'],
    ['a key without a time', { primary: 'kek-1', keys: [{ id: 'kek-1' }] }, 'provider_failed'],
    [
      'an impossible time',
      { primary: 'kek-1', keys: [{ id: 'kek-1', created_at: '2026-13-01T00:00:00Z' }] },
      'provider_failed',
    ],
  ])('when it lists %s', async (_name, answer, code) => {
    await answerWith(answer);
    expect((await readFailure(openExecKeys(helperOf(answering)))).code).toBe(code);
  });

  it('K4: when a reload fails, and the keys known before stay', async () => {
    const provider = await openAnswering();
    await answerWith({ error: 'unavailable' });
    expect((await readFailure(provider.reload())).code).toBe('provider_failed');
    expect(provider.primary()).toBe('kek-1');
    expect((await provider.keys()).length).toBe(1);
  });

  it.each([
    ['nothing', {}],
    ['no text', { data_key: 42, wrapped: 42 }],
    ['no base64', { data_key: 'hunter2!', wrapped: 'hunter2!' }],
    ['nothing in it', { data_key: '', wrapped: '' }],
    [
      'too many bytes',
      { data_key: Buffer.alloc(33).toString('base64'), wrapped: Buffer.alloc(8193).toString('base64') },
    ],
  ])('when it gives a key of %s', async (_name, answer) => {
    const provider = await openAnswering();
    await answerWith(answer);
    for (const ask of [() => provider.wrap('kek-1', dek, {}), () => provider.unwrap('kek-1', dek, {})]) {
      const failure = await readFailure(ask());
      expect(failure.code).toBe('provider_failed');
      expect(failure.message).toBe('The key helper answered with no key in base64.');
    }
  });
});
