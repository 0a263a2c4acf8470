import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createToken } from '@nexus/core/tokens';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from './main.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()] as const;
  stdin.end();
  const code = await main({ args, env: { XDG_CONFIG_HOME: folder, ...env }, stdin, stdout, stderr });
  const textOf = (stream: PassThrough): string => stream.read()?.toString('utf8') ?? '';
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) };
}

describe('the program', () => {
  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `nexus-cli ${version}\n`, stderr: '' });
  });

  it.each([
    [['--help'], 0, /\n {2}audit verify /],
    [['help'], 0, /\n {2}audit verify /],
    [['vault', '--help'], 0, /\n {2}vault rotate /],
    [['agents', 'keys'], 2, /\n {2}agents keys list /],
    [[], 2, /\n {2}audit verify /],
  ])('explains itself for %j', async (args, code, text) => {
    expect(await run(args)).toMatchObject({ code, stdout: expect.stringMatching(text), stderr: '' });
  });

  it('says what there is not, and what there is instead', async () => {
    const { code, stdout, stderr } = await run(['vault', 'forge']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^nexus-cli: there is no command vault forge\n/);
    expect(stderr).toContain('  vault rotate ');
    expect(stderr).not.toContain('  audit verify ');
  });

  it('takes what every command takes before the command, too', async () => {
    const expected = { code: 2, stderr: expect.stringContaining('has no profile “nobody”') };
    expect(await run(['--profile', 'nobody', 'vault', 'status'])).toMatchObject(expected);
    expect(await run(['--no-colour', '--profile=nobody', 'vault', 'status'])).toMatchObject(expected);
    expect(await run(['vault', 'status', '--profile', 'nobody'])).toMatchObject(expected);
  });

  it('does not know how to spell colour, and takes both', async () => {
    expect(await run(['profile', 'list', '--no-color'])).toEqual(await run(['profile', 'list', '--no-colour']));
    expect(await run(['--no-color', 'profile', 'list'])).toMatchObject({ code: 0 });
  });

  it.each([
    ['NEXUS_BROKER_URL', 'http://user:fixture-password@127.0.0.1:9'],
    ['NEXUS_GATEWAY_URL', 'https://fixture-password@127.0.0.1:9'],
  ])('takes no password in %s, and does not show it', async (name, value) => {
    for (const args of [
      ['profile', 'show'],
      ['profile', 'show', '--json'],
      ['vault', 'status'],
    ]) {
      const { code, stdout, stderr } = await run(args, { NEXUS_API_KEY: 'fixture', [name]: value });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^nexus-cli: ${name} holds a name or a password`));
      expect(stderr).not.toContain('fixture-password');
    }
  });

  it('warns where a key would travel readable', async () => {
    const env = { NEXUS_API_KEY: 'fixture' };
    const remote = await run(['vault', 'status'], { ...env, NEXUS_BROKER_URL: 'http://broker.invalid:9' });
    expect(remote.stderr).toMatch(/^nexus-cli: the key goes to http:\/\/broker\.invalid:9 readable .*https\n/);
    const local = await run(['vault', 'status'], { ...env, NEXUS_BROKER_URL: 'http://127.0.0.1:9' });
    expect(local.stderr).not.toContain('readable');
  });

  it.each(['nxa', 'nxc', 'nxs'] as const)(
    'takes no %s_ value as an argument, and does not repeat it',
    async (prefix) => {
      const value = createToken(prefix);
      for (const args of [
        ['keys', 'delete', value],
        ['agents', 'create', 'a', `--description=${value}`],
      ]) {
        const { code, stdout, stderr } = await run(args);
        expect([code, stdout]).toEqual([2, '']);
        expect(stderr).toContain('put it into a file');
        expect(stderr).not.toContain(value.slice(4, 14));
      }
    },
  );
});

describe('profiles', () => {
  const content = `# mine
default: production
profiles:
  production:
    broker_url: http://127.0.0.1:9
    api_key_file: production.key
  staging:
    broker_url: http://127.0.0.1:10 # not yet
`;
  const path = () => join(folder, 'nexus', 'profiles.yaml');
  beforeEach(async () => {
    await mkdir(join(folder, 'nexus'));
    await writeFile(path(), content);
    await writeFile(join(folder, 'nexus', 'production.key'), 'fixture-key\n');
  });

  const show = async (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
    JSON.parse((await run(['profile', 'show', '--json', ...args], env)).stdout);

  it('name the Broker, the default one unless another is named', async () => {
    expect(await show()).toMatchObject({
      profile: 'production',
      brokerUrl: { value: 'http://127.0.0.1:9', from: 'broker_url of profile production' },
      gatewayUrl: { from: 'default' },
      apiKeyFile: { value: join(folder, 'nexus', 'production.key') },
    });
    expect(await show(['--profile', 'staging'])).toMatchObject({ profile: 'staging', apiKeyFile: null });
    expect(await show([], { NEXUS_PROFILE: 'staging' })).toMatchObject({ profile: 'staging' });
    expect(await run(['vault', 'status'])).toMatchObject({ code: 3, stderr: expect.stringContaining('127.0.0.1:9 ') });
  });

  it('give way to the environment, and lend no key to a Broker that only the environment names', async () => {
    const env = { NEXUS_BROKER_URL: 'http://127.0.0.1:11' };
    expect(await show([], env)).toMatchObject({
      profile: null,
      brokerUrl: { from: 'NEXUS_BROKER_URL' },
      apiKeyFile: null,
    });
    expect(await run(['vault', 'status'], env)).toMatchObject({ code: 2, stderr: expect.stringContaining('no key') });
    const named = await show(['--profile', 'production'], { ...env, NEXUS_API_KEY: 'fixture-of-the-environment' });
    expect(named).toMatchObject({ brokerUrl: { value: 'http://127.0.0.1:11' }, apiKey: { from: 'NEXUS_API_KEY' } });
    expect(named).toMatchObject({ apiKeyFile: null });
    expect(JSON.stringify(named)).not.toContain('fixture-of-the-environment');
  });

  it('are listed, and the default one chosen without losing what else the file says', async () => {
    const { stdout } = await run(['profile', 'list']);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['PROFILE', 'BROKER', 'GATEWAY'],
      ['production', 'http://127.0.0.1:9', '-', 'default'],
      ['staging', 'http://127.0.0.1:10', '-'],
      [''],
    ]);
    expect(await run(['profile', 'use', 'staging'])).toMatchObject({
      code: 0,
      stderr: 'staging is used from now on\n',
    });
    expect(await readFile(path(), 'utf8')).toBe(content.replace('default: production', 'default: staging'));
    expect(await run(['profile', 'use', 'nobody'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there are production, staging'),
    });
  });

  it.each([
    ['nothing but text', 'the file is not a mapping'],
    ['profiles: { a: { broker_url: 7 } }', 'broker_url of profile a is not a text'],
    ['profiles: { a: { api_key: fixture-key } }', 'profile a holds a key; name its file with api_key_file'],
    ['profiles: { a: { url: x } }', 'profile a has a field “url”'],
    ['broker_url: x', 'it has a field “broker_url”'],
    ['default: [a]', 'default is not the name of a profile'],
    ['a: [', 'profiles.yaml: '],
    ['default: gone', 'has no profile “gone”'],
  ])('in a file that says %j are refused', async (text, message) => {
    await writeFile(path(), text);
    const { code, stderr } = await run(['profile', 'show']);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(message);
  });
});

describe('completion', () => {
  const complete = async (...words: string[]) => (await run(['__complete', ...words])).stdout.split('\n').slice(0, -1);
  const wordsOf = (lines: readonly string[]) => lines.map((line) => line.split('\t')[0]);

  it('offers the next word of a command, and says what it is', async () => {
    expect(wordsOf(await complete('va'))).toContain('vault');
    expect(wordsOf(await complete('vault', 'ro'))).toEqual(['rotate']);
    expect(await complete('vault', 'ro')).toEqual(['rotate\tPut new data keys in the place of those that seal now.']);
    expect(wordsOf(await complete('agents', 'keys', ''))).toEqual(['list', 'create', 'delete']);
    expect(await complete('nothing', '')).toEqual([]);
  });

  it('offers options, their values, and files', async () => {
    expect(wordsOf(await complete('keys', 'create', 'ci', '--r'))).toEqual(['--role']);
    expect(await complete('keys', 'create', '--role', 'a')).toEqual(['admin', 'auditor', 'app']);
    expect(await complete('vault', 'add', '')).toEqual(['cred', 'provider', 'flow', 'audit', 'checkpoint']);
    expect(await complete('audit', 'export', '--to', '')).toEqual([':files']);
    expect(await complete('providers', 'create', '-f', '')).toEqual([':files']);
    expect(await complete('keys', 'delete', '')).toEqual([]);
    expect(wordsOf(await complete('vault', 'status', '--'))).toEqual(['--json', '--profile', '--no-colour', '--help']);
  });

  it('offers the profiles there are', async () => {
    await mkdir(join(folder, 'nexus'));
    await writeFile(join(folder, 'nexus', 'profiles.yaml'), 'profiles: { production: {}, staging: {} }');
    expect(await complete('vault', 'status', '--profile', 'st')).toEqual(['staging']);
  });
});
