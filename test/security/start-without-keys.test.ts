/** K4: a start that lacks a key, or has another one, ends without writing a byte, and says which key it is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScratchDatabase } from '@nexus/testkit/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../repository.js';
import { reservePorts, spawnService, startService } from '../support/service-process.js';
import { runSql } from '../support/sql.js';
import { type Engine, engines } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const main = 'nexus-broker/dist/main.js';
const tables = ['key_ring', 'kek', 'audit_event', 'api_key', 'broker_instance'];

interface Installation {
  readonly engine: Engine;
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly keyFile: string;
  readonly env: Readonly<Record<string, string>>;
  /** Starts and stops a Broker that must be able to serve. */
  run(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Starts one that must end by itself, having changed nothing. */
  refuse(env?: Readonly<Record<string, string>>): Promise<{ readonly code: number | null; readonly output: string }>;
  close(): Promise<void>;
}

async function install(engine: Engine, settings: Readonly<Record<string, string>> = {}): Promise<Installation> {
  const dataDir = await mkdtemp(join(tmpdir(), 'nexus-keys-'));
  const scratch = engine === 'postgres' ? await createScratchDatabase() : null;
  const databaseUrl = scratch?.url ?? `sqlite:${join(dataDir, 'nexus.db')}`;
  const [port = 0] = await reservePorts(1);
  const env: Record<string, string> = {
    NEXUS_ENV: 'development',
    DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    BROKER_PORT: String(port),
    PUBLIC_URL: 'http://127.0.0.1:1',
    LOG_LEVEL: 'warn',
    ...settings,
  };
  const digestState = async (): Promise<string> => {
    const hash = createHash('sha256');
    if (engine === 'sqlite') hash.update(await readFile(join(dataDir, 'nexus.db')));
    else {
      for (const table of tables) {
        hash.update(JSON.stringify(await runSql({ engine, databaseUrl }, `select * from ${table} order by 1`)));
      }
    }
    return hash.digest('hex');
  };
  return {
    engine,
    dataDir,
    databaseUrl,
    keyFile: join(dataDir, 'kek.key'),
    env,
    async run(changes = {}) {
      const service = await startService({
        main,
        env: { ...env, ...changes },
        readyUrl: `http://127.0.0.1:${port}/readyz`,
      });
      expect(await service.stop('SIGTERM')).toBe(0);
    },
    async refuse(changes = {}) {
      const before = await digestState();
      const service = spawnService(main, { ...env, ...changes });
      const code = await service.ended;
      expect(await digestState(), 'the database is as it was').toBe(before);
      return { code, output: service.output() };
    },
    async close() {
      await scratch?.[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

describe.each(engines)('K4: a start on %s with a key file', (engine) => {
  let installation: Installation;
  let line = '';
  let kekId = '';

  beforeAll(async () => {
    installation = await install(engine);
    await installation.run();
    line = await readFile(installation.keyFile, 'utf8');
    [kekId = ''] = line.split(' ');
  });
  afterAll(() => installation?.close());

  const writeKeys = async (text: string): Promise<void> => {
    await chmod(installation.keyFile, 0o600);
    await writeFile(installation.keyFile, text);
  };
  const otherKey = randomBytes(32).toString('base64');

  it('is refused without the file, and makes no other', async () => {
    await rm(installation.keyFile);
    const { code, output } = await installation.refuse();
    expect([code, output.includes('key file')]).toEqual([78, true]);
    await expect(stat(installation.keyFile)).rejects.toThrow('ENOENT');
    await writeFile(installation.keyFile, line, { mode: 0o600 });
  });

  it.each([
    ['another key under another id', `kek-other ${otherKey} 2026-01-01T00:00:00.000Z\n`],
    ['another key under the same id', null],
  ])('is refused with %s, and names the one it needs', async (_what, text) => {
    await writeKeys(text ?? `${kekId} ${otherKey} 2026-01-01T00:00:00.000Z\n`);
    const { code, output } = await installation.refuse();
    expect(code).toBe(78);
    expect(output).toContain(kekId);
    expect(output).not.toContain(otherKey);
    expect(output).not.toContain(installation.dataDir);
  });

  it('serves again as soon as the key is back', async () => {
    await writeKeys(line);
    await installation.run();
  });

  it('is refused when a row of the key ring was altered, and names the data key', async () => {
    const [row] = await runSql(installation, 'select wrapped from key_ring where id = 1');
    const wrapped = row?.['wrapped'] as Uint8Array;
    const put = (bytes: Uint8Array) =>
      runSql(installation, 'update key_ring set wrapped = ? where id = 1', [Buffer.from(bytes) as never]);
    const altered = Buffer.from(wrapped);
    altered[60] = (altered[60] ?? 0) ^ 1;
    await put(altered);
    const { code, output } = await installation.refuse();
    expect([code, output.includes('Data key 1')]).toEqual([78, true]);
    await put(wrapped);
  });

  it('is refused when the checkpoint key is lost, and makes no other', async () => {
    await runSql(installation, "update key_ring set purpose = 'flow' where purpose = 'checkpoint'");
    const { code, output } = await installation.refuse();
    expect(code).toBe(78);
    expect(output).toMatch(/checkpoint|Data key 5/);
    await runSql(installation, "update key_ring set purpose = 'checkpoint' where id = 5");
    await installation.run();
  });

  it('is refused when the key ring is gone, and makes no other', async () => {
    await runSql(installation, 'delete from key_ring');
    const { code, output } = await installation.refuse();
    expect([code, output.includes('key ring is empty')]).toEqual([78, true]);
    expect(await runSql(installation, 'select * from key_ring')).toEqual([]);
  });
});

describe('K4: a start with the key in the environment', () => {
  let installation: Installation;
  const key = randomBytes(32).toString('base64');

  beforeAll(async () => {
    installation = await install('sqlite', { KEY_PROVIDER: 'env', ENCRYPTION_KEY: key });
    await installation.run();
  });
  afterAll(() => installation?.close());

  it('is refused with another key, and names the one it needs', async () => {
    const other = randomBytes(32).toString('base64');
    const { code, output } = await installation.refuse({ ENCRYPTION_KEY: other });
    expect(code).toBe(78);
    expect(output).toMatch(/"env-[0-9a-f]{8}"/);
    for (const secret of [key, other]) expect(output).not.toContain(secret);
    await expect(stat(installation.keyFile)).rejects.toThrow('ENOENT');
  });

  it.each([
    ['no key at all', { ENCRYPTION_KEY: '' }, 'ENCRYPTION_KEY'],
    ['what is no key', { ENCRYPTION_KEY: 'c2hvcnQ=' }, '32 bytes'],
    ['another provider that is set up too', { KEY_COMMAND: '["x"]' }, 'KEY_COMMAND'],
    ['a key that the provider does not use', { KEY_PROVIDER: 'file' }, 'ENCRYPTION_KEY'],
    ['a key file that does not exist', { KEY_PROVIDER: 'file', ENCRYPTION_KEY: '' }, 'key file'],
    ['a command that is none', { KEY_PROVIDER: 'exec', ENCRYPTION_KEY: '', KEY_COMMAND: 'kms' }, 'KEY_COMMAND'],
    ['no command', { KEY_PROVIDER: 'exec', ENCRYPTION_KEY: '' }, 'KEY_COMMAND'],
  ])('is refused with %s', async (_what, env, named) => {
    const { code, output } = await installation.refuse(env);
    expect(code).toBe(78);
    expect(output).toContain(named);
    expect(output).not.toContain(key);
  });

  it('serves with the same key from a key file under the same id', async () => {
    const { output } = await installation.refuse({ ENCRYPTION_KEY: randomBytes(32).toString('base64') });
    const [, id] = /"(env-[0-9a-f]{8})"/.exec(output) ?? [];
    await writeFile(installation.keyFile, `${id} ${key} 2026-01-01T00:00:00.000Z\n`, { mode: 0o600 });
    await installation.run({ KEY_PROVIDER: 'file', ENCRYPTION_KEY: '' });
  });
});

describe('K4: a start with the keys in a KMS', () => {
  let installation: Installation;
  let folder: string;
  let kms: ChildProcess;
  let port = 0;
  const stateFile = () => join(folder, 'kms-state.json');
  const configFile = () => join(folder, 'kms.json');

  async function startKms(): Promise<void> {
    kms = spawn(process.execPath, [join(root, 'docs/operations/kms-stand-in.mjs'), String(port), stateFile()], {
      stdio: 'ignore',
    });
    await waitFor('the KMS answers', async () =>
      fetch(`http://127.0.0.1:${port}`).then(
        () => true,
        () => null,
      ),
    );
  }
  async function stopKms(): Promise<void> {
    const ended = once(kms, 'close');
    kms.kill('SIGTERM');
    await ended;
  }
  async function allowKeys(keys: readonly string[]): Promise<void> {
    const { token } = JSON.parse(await readFile(stateFile(), 'utf8'));
    await writeFile(configFile(), JSON.stringify({ url: `http://127.0.0.1:${port}`, token, keys }), { mode: 0o600 });
  }
  async function createKey(id: string): Promise<void> {
    const { token } = JSON.parse(await readFile(stateFile(), 'utf8'));
    const answer = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: { 'x-amz-target': 'TrentService.CreateKey', authorization: `Bearer ${token}` },
      body: JSON.stringify({ KeyId: id }),
    });
    expect(answer.status).toBe(200);
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nexus-kms-'));
    [port = 0] = await reservePorts(1);
    await startKms();
    for (const id of ['kek-1', 'kek-2']) await createKey(id);
    await allowKeys(['kek-1']);
    const command = [process.execPath, join(root, 'docs/operations/kms-helper-example.mjs'), configFile()];
    installation = await install('sqlite', { KEY_PROVIDER: 'exec', KEY_COMMAND: JSON.stringify(command) });
    await installation.run();
  });
  afterAll(async () => {
    await installation?.close();
    await stopKms();
    await rm(folder, { recursive: true, force: true });
  });

  it('is refused when the helper may use other keys only, and names the one it needs', async () => {
    await allowKeys(['kek-2']);
    const { code, output } = await installation.refuse();
    expect([code, output.includes('"kek-1"')]).toEqual([78, true]);
    await allowKeys(['kek-1']);
    await installation.run();
  });

  it('is refused when the program is not there', async () => {
    const { code, output } = await installation.refuse({ KEY_COMMAND: '["/nonexistent/helper"]' });
    expect([75, 78]).toContain(code);
    expect(output).toMatch(/key helper/i);
  });

  it('may be tried again while the KMS is down: 75 and not 78', async () => {
    await stopKms();
    const { code, output } = await installation.refuse();
    expect(code).toBe(75);
    expect(output).toMatch(/key helper|key provider/i);
    await startKms();
    await installation.run();
  });
});
