import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../support/fixtures.js';
import { startCli } from '../support/nexus-cli.js';
import { type Stack, startStack } from '../support/stack.js';
import { connectStatically, registerForConnections } from '../support/static-connections.js';
import { expectGolden, runOnScreen } from './golden.js';

let stack: Stack;
let folder: string;
let env: Record<string, string>;
let paths: readonly [RegExp, string];
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  stack = await startStack({ engine: 'sqlite' });
  folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
  paths = [new RegExp(folder, 'g'), '/tmp'];
  env = { NEXUS_BROKER_URL: stack.brokerUrl, NEXUS_GATEWAY_URL: stack.gatewayUrl, NEXUS_API_KEY: stack.adminKey };
  await registerForConnections(stack);
});
afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true, force: true });
});

/** In a pipe, as a script runs it. */
async function run(...args: string[]) {
  return await runOnScreen(null, { args, env });
}

async function runJson(...args: string[]) {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

/** The four last characters of a key. */
const lastFour = [/(?<=…|ends in )[0-9A-Za-z]{4}(?= |$)/gm, '0000'] as const;

describe('providers', () => {
  const profile = `# YAML, with a comment
name: acme
display_name: Acme
auth_type: oauth2
auth_url: https://login.acme.example/authorize
token_url: https://login.acme.example/token
client_id: nexus
scopes: [read, write]
`;
  const create = async () => {
    await run('providers', 'delete', 'acme', '--yes');
    return ['providers', 'create', '-f', at('acme.yaml'), '--client-secret-file', at('acme.secret')];
  };

  beforeAll(async () => {
    await writeFile(at('acme.yaml'), profile);
    await writeFile(at('acme.secret'), 'fixture-client-secret\n');
    await writeFile(at('change.json'), '{ "display_name": "Acme Corporation", "refresh": { "rotation": "strict" } }');
  });

  it('are created from a file, and their secret from another', async () => {
    await expectGolden('providers-create', { args: create, env, masks: [paths] });
    const created = await runJson('providers', 'get', 'acme');
    expect(created).toMatchObject({ name: 'acme', client_secret_set: true, scopes: ['read', 'write'] });
  });

  it('are listed, shown and changed', async () => {
    await expectGolden('providers-list', { args: ['providers', 'list'], env });
    await expectGolden('providers-get', { args: ['providers', 'get', 'acme'], env });
    await expectGolden('providers-update', {
      args: ['providers', 'update', 'acme', '-f', at('change.json')],
      env,
      masks: [paths, [/(?<=^version +|^␛\[2mversion +␛\[0m)\d/gm, '2']],
    });
    const changed = await runJson('providers', 'get', 'acme');
    expect(changed).toMatchObject({ display_name: 'Acme Corporation', client_secret_set: true });
    const { providers } = await runJson('providers', 'list');
    expect(providers.map(({ name }: { name: string }) => name)).toEqual(['acme', 'statically']);
  });

  it('say what is wrong with them, and what to do', async () => {
    await writeFile(at('bad.yaml'), 'name: Bad Name\nauth_type: oauth2\n');
    await expectGolden('providers-create-refused', {
      args: ['providers', 'create', '-f', '-'],
      input: 'name: Bad Name\nauth_type: oauth2\n',
      env,
    });
    await expectGolden('providers-get-unknown', { args: ['providers', 'get', 'nobody'], env });
    expect(await runOnScreen(null, { args: ['providers', 'create', '-f', '-'], env, input: '[1]' })).toMatchObject({
      code: 3,
      stderr: 'nexus-cli: - does not hold the fields of one thing\n',
    });
  });

  it('are deleted by whoever agrees, with their connections only by force', async () => {
    await expectGolden('providers-delete', {
      args: async () => {
        await run(...(await create()));
        return ['providers', 'delete', 'acme'];
      },
      env,
      input: 'y\n',
    });
    expect((await run('providers', 'get', 'acme')).code).toBe(0);
    await connectStatically(stack, 2);
    await expectGolden('providers-delete-in-use', { args: ['providers', 'delete', 'statically', '--yes'], env });
    await expectGolden('providers-delete-declined', {
      args: ['providers', 'delete', 'statically', '--force'],
      env,
      input: 'n\n',
    });
    expect((await run('providers', 'get', 'statically')).code).toBe(0);
  });
});

describe('agents and keys', () => {
  it('are created and listed, an agent with what it may do', async () => {
    const create = ['agents', 'create', 'mailer', '--scope', 'mail.send', '--provider', 'statically'];
    const created = await runJson(...create, '--display-name', 'Mailer', '--description', 'Sends mail.');
    expect(created).toMatchObject({ allowed_scopes: ['mail.send'], allowed_providers: ['statically'] });
    await expectGolden('agents-list', { args: ['agents', 'list'], env });
    await expectGolden('agents-get', { args: ['agents', 'get', 'mailer'], env });
    await expectGolden('agents-create-again', { args: create, env });
    const update = ['agents', 'update', 'mailer', '--all-providers', '--no-scopes', '--deactivate'];
    await expectGolden('agents-update', { args: update, env });
    expect(await runJson('agents', 'get', 'mailer')).toMatchObject({
      allowed_scopes: [],
      allowed_providers: null,
      active: false,
    });
    expect(await runJson('agents', 'update', 'mailer', '--activate')).toMatchObject({
      allowed_scopes: [],
      active: true,
    });
    expect(await run('agents', 'update', 'mailer')).toMatchObject({ code: 2 });
  });

  it('have keys that go into files only they may read, and are never overwritten', async () => {
    const out = at('mailer.key');
    const create = ['agents', 'keys', 'create', 'mailer', '--name', 'first'];
    expect(await run(...create, '--out', out)).toMatchObject({ code: 0, stdout: '' });
    const key = (await readFile(out, 'utf8')).trim();
    expect([key.slice(0, 4), (await stat(out)).mode & 0o777]).toEqual(['nxk_', 0o600]);
    await expectGolden('agents-keys-create-again', {
      args: [...create, '--out', out],
      env,
      masks: [paths],
    });
    expect((await readFile(out, 'utf8')).trim()).toBe(key);
    await expectGolden('agents-keys-list', { args: ['agents', 'keys', 'list', 'mailer'], env, masks: [lastFour] });
    const { keys } = await runJson('agents', 'keys', 'list', 'mailer');
    expect(keys).toHaveLength(1);
    await expectGolden('agents-keys-delete', {
      args: ['agents', 'keys', 'delete', 'mailer', keys[0].id, '--yes'],
      env,
    });
    expect(await runJson('agents', 'keys', 'list', 'mailer')).toEqual({ keys: [] });
    expect((await runJson('agents', 'keys', 'list', 'mailer', '--all')).keys).toHaveLength(1);
  });

  it('give a key to a command, and leave none behind where that fails', async () => {
    const create = ['keys', 'create', 'ci', '--role', 'app', '--expires-at', '2100-01-01T00:00:00Z'];
    expect(await run(...create, '--exec', `cat > ${at('ci.key')}`)).toMatchObject({ code: 0, stdout: '' });
    const key = (await readFile(at('ci.key'), 'utf8')).trim();
    expect(key).toMatch(/^nxp_/);
    const echoing = await startCli([...create, '--exec', 'tee /dev/null; echo stored >&2'], env).ended;
    expect(echoing).toMatchObject({ code: 0, stdout: '', stderr: expect.stringMatching(/^stored\n/) });
    expect(echoing.stderr).not.toContain('nxp_');
    const [, echoed = ''] = /key (\w+)/.exec(echoing.stderr) ?? [];
    await run('keys', 'delete', echoed, '--yes');
    const liveKeys = async () => (await runJson('keys', 'list')).keys.length;
    const before = await liveKeys();
    expect(await run(...create, '--exec', 'exit 7')).toMatchObject({
      code: 1,
      stderr: 'nexus-cli: exit 7 failed with 7\n  what was made is deleted again\n',
    });
    expect(await run(...create, '--out', at('no/such/folder'))).toMatchObject({ code: 3 });
    expect(await liveKeys()).toBe(before);
    const refused = await run(
      'keys',
      'create',
      'ci',
      '--role',
      'app',
      '--expires-at',
      '2000-01-01T00:00:00Z',
      '--out',
      at('old.key'),
    );
    expect(refused.code).toBe(1);
    await expect(stat(at('old.key'))).rejects.toThrow('ENOENT');
    const { stdout } = await run(...create, '--stdout');
    expect(stdout).toMatch(/^nxp_\w{49}\n$/);
    await expectGolden('keys-create-nowhere', { args: create, env });
    const onTerminal = await runOnScreen(80, { args: [...create, '--stdout'], env });
    expect(onTerminal).toMatchObject({ code: 2, stdout: '' });
  });

  it('are listed and revoked', async () => {
    await expectGolden('keys-list', { args: ['keys', 'list'], env, masks: [lastFour] });
    const { id } = await createKey(stack, 'auditor');
    await expectGolden('keys-delete', { args: ['keys', 'delete', id, '--yes', '--json'], env });
    await expectGolden('agents-delete', {
      args: async () => {
        await run('agents', 'create', 'gone', '--scope', 'x');
        return ['agents', 'delete', 'gone', '--yes'];
      },
      env,
    });
  });

  it('a key is refused as an argument, and not repeated', async () => {
    const { key } = await createKey(stack, 'auditor');
    const refused = await run('keys', 'delete', key);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('put it into a file') });
    expect(refused.stderr).not.toContain(key.slice(4, 12));
  });
});

describe('connections and sessions', () => {
  it('are listed by filters, page by page and up to a limit', async () => {
    await connectStatically(stack, 3);
    await expectGolden('connections-list', {
      args: ['connections', 'list', '--status', 'active', '--limit', '2'],
      env,
    });
    const all = await runJson('connections', 'list', '--provider', 'statically');
    const some = await runJson('connections', 'list', '--limit', '1');
    expect([all.connections.length >= 5, some.connections.length]).toEqual([true, 1]);
    await expectGolden('connections-list-none', { args: ['connections', 'list', '--workspace', 'nobody'], env });
    const [{ connection_ref }] = all.connections;
    await expectGolden('connections-get', { args: ['connections', 'get', connection_ref], env });
  });

  it('end one by one', async () => {
    await expectGolden('connections-delete', {
      args: async () => {
        const [connection] = await connectStatically(stack, 1);
        return ['connections', 'delete', connection?.connection_ref ?? '', '--yes', '--reason', 'tests'];
      },
      env,
    });
    const { connections } = await runJson('connections', 'list', '--status', 'revoked');
    await expectGolden('connections-delete-again', {
      args: ['connections', 'delete', connections[0].connection_ref, '--yes'],
      env,
    });
  });

  it('end all that match, counted first', async () => {
    const filter = ['--workspace', 'workspace-1', '--created-before', '2100-01-01T00:00:00Z'];
    const dry = await runJson('connections', 'revoke', ...filter, '--dry-run');
    expect(dry.matched).toBeGreaterThanOrEqual(5);
    expect(await run('connections', 'revoke')).toMatchObject({ code: 2 });
    expect(await run('connections', 'revoke', ...filter)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`This ends ${dry.matched} connections for good: repeat it with --yes`),
    });
    expect(await runJson('connections', 'revoke', ...filter, '--yes')).toMatchObject({ revoked: dry.matched });
    await expectGolden('connections-revoke-none', { args: ['connections', 'revoke', ...filter, '--yes'], env });
  });

  it('sessions are listed, and closed where they match', async () => {
    await run('agents', 'create', 'worker', '--scope', 'mail.send');
    const [connection] = await connectStatically(stack, 1);
    const opened = await stack.gateway('POST', '/v1/agent-sessions', {
      key: stack.adminKey,
      body: { agent_id: 'worker', connection_id: connection?.connection_id, scopes: ['mail.send'] },
    });
    expect(opened).toMatchObject({ status: 201 });
    await expectGolden('sessions-list', { args: ['sessions', 'list', '--agent', 'worker'], env });
    expect(await run('sessions', 'close')).toMatchObject({ code: 2 });
    await expectGolden('sessions-close', { args: ['sessions', 'close', '--agent', 'worker', '--yes'], env });
  });
});

it('a Broker that is not there is told of, exit code 3', async () => {
  const nowhere = { ...env, NEXUS_BROKER_URL: 'http://127.0.0.1:9' };
  await expectGolden('unreachable', { args: ['providers', 'list'], env: nowhere });
});
