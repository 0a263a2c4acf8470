/** A database on a server is put back by its own tools; here a copy of it stands for what they put back. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type CommandEnvironment, commandEnvironment, runCommand } from '../support/broker-command.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { type Stack, startStack } from '../support/stack.js';

vi.setConfig({ testTimeout: 90_000 });

let stack: Stack;
let provider: ScriptedOauth;
let place: string;
let copies = 0;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'nexus-server-'));
  stack = await startStack({ engine: 'postgres' });
  provider = await registerScriptedOauth(stack);
  const { connection_id: ada } = await connectScripted(stack, provider, 'ada');
  await connectScripted(stack, provider, 'bob');
  await stack.gateway('POST', `/v1/refresh/${ada}`);
});
afterAll(async () => {
  await stack?.close();
  await provider?.close();
  await rm(place, { recursive: true, force: true });
});

async function runOn(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

interface Restored {
  readonly env: CommandEnvironment;
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A copy of the database, changed by somebody who may do anything to it. */
async function restoreChanged(...statements: readonly string[]): Promise<Restored> {
  copies += 1;
  const source = new URL(stack.databaseUrl);
  const name = `${source.pathname.slice(1)}_${copies}`;
  const [server, url] = [new URL(source), new URL(source)];
  server.pathname = '/postgres';
  url.pathname = `/${name}`;
  await runOn(server.href, `create database ${name} template ${source.pathname.slice(1)}`);
  await runOn(url.href, "set session_replication_role = 'replica'", ...statements);
  return {
    url: url.href,
    env: { ...commandEnvironment(stack), DATABASE_URL: url.href },
    [Symbol.asyncDispose]: () => runOn(server.href, `drop database ${name} with (force)`),
  };
}

describe('while Brokers are at work', () => {
  it('says what copies the database and does nothing itself', async () => {
    const folder = join(place, 'backup');
    const backup = await runCommand(commandEnvironment(stack), 'backup', '--to', folder);
    expect(backup).toMatchObject({ code: 2, stdout: '' });
    expect(backup.stderr).toMatch(/pg_dump[\s\S]*pg_restore[\s\S]*restore --verify/);
    expect(backup.stderr).not.toContain(new URL(stack.databaseUrl).password);
    expect(existsSync(folder)).toBe(false);
    expect((await runCommand(commandEnvironment(stack), 'restore', '--from', folder)).code).toBe(2);
  });

  it('refuses to verify what does not stand still', async () => {
    const { code, stderr } = await runCommand(commandEnvironment(stack), 'restore', '--verify');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('Brokers are at work') });
  });
});

describe('a restored database', () => {
  beforeAll(async () => {
    await stack.stopBroker('SIGTERM');
  });

  it('K9: is verified as a whole', async () => {
    await using restored = await restoreChanged();
    const verified = await runCommand(restored.env, 'restore', '--verify');
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toMatch(/sealed values: 3 open, 3 compared/);
  });

  it.each<[string, number, readonly string[]]>([
    [
      'a credential that another row had',
      14,
      ['update connection set sealed_credential = (select sealed_credential from connection order by version limit 1)'],
    ],
    [
      'an entry that says something else',
      10,
      ["update audit_event set outcome = 'refused' where event_type = 'key.created'"],
    ],
    ['a log without a link', 11, ['delete from audit_chain where seq = 5']],
    ['a schema of a newer release', 3, ["insert into migration values ('9999-later', '')"]],
    ['no key ring', 3, ['delete from key_ring']],
  ])('with %s is refused with exit code %i', async (_, code, statements) => {
    await using restored = await restoreChanged(...statements);
    expect((await runCommand(restored.env, 'restore', '--verify')).code).toBe(code);
    expect((await runCommand(restored.env, 'restore', '--accept-rollback')).code).toBe(code);
  });

  it('is refused without its key', async () => {
    await using restored = await restoreChanged();
    const keyFile = join(place, 'foreign.key');
    const foreign = `kek-2026-01-01-00000000 ${Buffer.alloc(32, 7).toString('base64')} 2026-01-01T00:00:00.000Z\n`;
    await writeFile(keyFile, foreign, { mode: 0o600 });
    expect((await runCommand({ ...restored.env, KEY_FILE: keyFile }, 'restore', '--verify')).code).toBe(78);
  });

  it('K10: that is older than it was does not serve before that is accepted', async () => {
    await using restored = await restoreChanged(
      'delete from audit_event where id in (select event_id from audit_chain where seq > 9)',
      'delete from audit_chain where seq > 9',
      'delete from audit_checkpoint where size > 9',
      "delete from connection where status = 'active'",
    );
    const start = await runCommand({ ...restored.env, BROKER_PORT: '0' });
    expect(start).toMatchObject({ code: 13, stderr: expect.stringContaining('restore --accept-rollback') });
    expect((await runCommand(restored.env, 'restore', '--verify')).code).toBe(13);
    expect(await runCommand(restored.env, 'restore', '--accept-rollback')).toMatchObject({ code: 0, stderr: '' });
    expect((await runCommand(restored.env, 'restore', '--verify')).code).toBe(0);
    await stack.startBroker({ DATABASE_URL: restored.url });
    const log = await stack.broker('GET', '/audit?event_type=backup.rollback_accepted');
    expect(log.body.events).toMatchObject([{ data: { size: 9 } }]);
    await stack.stopBroker('SIGTERM');
  });
});
