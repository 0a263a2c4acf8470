import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Change, copyChanged, takeBackup } from '../support/backups.js';
import { type CommandEnvironment, commandEnvironment, runCommand } from '../support/broker-command.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { type Stack, startStack } from '../support/stack.js';

// Each case starts processes, one after the other.
vi.setConfig({ testTimeout: 120_000 });

let stack: Stack;
let provider: ScriptedOauth;
let place: string;
let backup: string;
let env: CommandEnvironment;
let names = 0;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'nexus-refusals-'));
  stack = await startStack({ engine: 'sqlite' });
  provider = await registerScriptedOauth(stack);
  env = commandEnvironment(stack);
  const { connection_id: ada } = await connectScripted(stack, provider, 'ada');
  await connectScripted(stack, provider, 'bob');
  await stack.gateway('POST', `/v1/refresh/${ada}`);
  backup = nameFolder();
  await takeBackup(stack, backup);
});
afterAll(async () => {
  await stack?.close();
  await provider?.close();
  await rm(place, { recursive: true, force: true });
});

function nameFolder(): string {
  names += 1;
  return join(place, `backup-${names}`);
}

const changed = (change: Change) => copyChanged(backup, nameFolder(), change);

async function hashDatabase(): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(stack.dataDir, 'nexus.db')))
    .digest('hex');
}

describe('while a Broker serves', () => {
  it('restore is refused, a backup can be verified, and neither changes anything', async () => {
    const refused = await runCommand(env, 'restore', '--from', backup, '--accept-rollback');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Another Broker has');
    expect((await runCommand(env, 'restore', '--verify')).code).toBe(1);
    expect((await runCommand(env, 'restore', '--from', backup, '--verify', '--accept-rollback')).code).toBe(0);
    expect((await stack.broker('GET', '/readyz')).status).toBe(200);
    expect((await stack.broker('GET', '/audit?event_type=backup.restored')).body.events).toEqual([]);
  });

  it('backup is refused for a folder that exists, or whose parent does not', async () => {
    const empty = nameFolder();
    await mkdir(empty);
    for (const folder of [backup, empty, join(place, 'none', 'backup')]) {
      const { code, stderr } = await runCommand(env, 'backup', '--to', folder);
      expect({ folder, code }).toEqual({ folder, code: 1 });
      expect(stderr).toMatch(/exists|cannot be made/);
    }
  });

  it('backup is refused without the key file, and nothing is left of it', async () => {
    const folder = nameFolder();
    const { code } = await runCommand({ ...env, KEY_FILE: join(place, 'none.key') }, 'backup', '--to', folder);
    expect(code).toBe(78);
    await expect(readFile(join(folder, 'manifest.json'))).rejects.toThrow('ENOENT');
  });
});

describe('the command line', () => {
  it('is answered with the usage where it asks for nothing there is', async () => {
    const { code, stderr, stdout } = await runCommand(env, 'restore', '--force');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('usage: npm run broker');
    const help = await runCommand({}, 'backup', '--help');
    expect({ code: help.code, stderr: help.stderr }).toEqual({ code: 0, stderr: '' });
    expect(help.stdout).toContain('usage: npm run broker');
  });
});

describe('once the Broker has stopped', () => {
  beforeAll(async () => {
    await stack.stopBroker('SIGTERM');
  });

  async function expectRefused(folder: string, code: number, message: string | RegExp): Promise<void> {
    const before = await hashDatabase();
    const refused = await runCommand(env, 'restore', '--from', folder, '--accept-rollback');
    expect(refused.stderr).toMatch(message);
    expect(refused.code).toBe(code);
    expect(await hashDatabase(), 'the database is as it was').toBe(before);
  }

  it('a folder without a backup is refused', async () => {
    await expectRefused(place, 3, /manifest\.json cannot be read/);
  });

  it.each<[string, Change, RegExp]>([
    ['of another format', { manifest: { format: 'nexus-backup/2' } }, /wrong: format/],
    ['with another digest', { manifest: { sha256: '0'.repeat(64) } }, /SHA-256 differs/],
    ['with members nobody knows', { manifest: { note: 1 } }, /is not a manifest/],
    ['of a newer release', { manifest: { migrations: ['0001-initial', '9999-later'] } }, /newer release.*9999-later/],
    ['that lost a byte to the disk', { flipsByte: true }, /SHA-256 differs/],
  ])('a backup %s is refused', async (_, change, message) => {
    await expectRefused(await changed(change), 3, message);
  });

  it('a manifest that is no JSON is refused', async () => {
    const folder = await changed({});
    await writeFile(join(folder, 'manifest.json'), '{');
    await expectRefused(folder, 3, /is not a manifest/);
  });

  const older = `update connection set sealed_credential = (select sealed_credential from connection order by version limit 1)`;
  it.each<[string, readonly string[], number]>([
    ['a credential that another row had', [older], 14],
    ['a credential that is gone', ['update connection set sealed_credential = null where version = 1'], 14],
    ['bytes that are no sealed value', ["update connection set sealed_credential = x'00'"], 14],
    ['an altered client secret', ['update provider set sealed_secrets = zeroblob(length(sealed_secrets))'], 14],
    [
      'an entry that says something else',
      ["update audit_event set entry = replace(entry, 'ada', 'eve')", "update audit_event set outcome = 'refused'"],
      10,
    ],
    ['an entry with a mac of somebody else', ['update audit_event set mac = zeroblob(32) where rowid = 5'], 10],
    ['a log without an entry', ['delete from audit_event where rowid = 5'], 11],
    ['a log without a link', ['delete from audit_chain where seq = 5'], 11],
    ['a checkpoint of somebody else', ["update audit_checkpoint set note = replace(note, 'nexus-', 'nexos-')"], 12],
    ['references to rows that are gone', ['pragma foreign_keys = off', 'delete from provider'], 3],
  ])('a backup with %s is refused, whatever its manifest says', async (_, statements, code) => {
    await expectRefused(await changed({ statements, fixesManifest: true }), code, new RegExp(`^${code}: `, 'm'));
  });

  it('a backup is refused without its key file, and with that of somebody else', async () => {
    const keyFile = join(stack.dataDir, 'kek.key');
    await rename(keyFile, `${keyFile}.away`);
    try {
      await expectRefused(backup, 78, /key file/);
      await expect(readFile(keyFile)).rejects.toThrow('ENOENT');
      const foreign = `kek-2026-01-01-00000000 ${Buffer.alloc(32, 7).toString('base64')} 2026-01-01T00:00:00.000Z\n`;
      await writeFile(keyFile, foreign, { mode: 0o600 });
      await expectRefused(backup, 78, /kek-/);
    } finally {
      await rm(keyFile, { force: true });
      await rename(`${keyFile}.away`, keyFile);
    }
  });

  it('a file of checkpoints that is not there, or an archive, is not passed over', async () => {
    const missing = join(place, 'none.log');
    expect((await runCommand(env, 'restore', '--verify', '--checkpoints', missing)).code).toBe(3);
    expect((await runCommand(env, 'restore', '--verify', '--archive', missing)).code).toBe(3);
  });

  it('the database itself is good, and a damaged one is told apart', async () => {
    expect(await runCommand(env, 'restore', '--verify')).toMatchObject({ code: 0, stderr: '' });
    const file = join(stack.dataDir, 'nexus.db');
    const bytes = await readFile(file);
    try {
      await writeFile(file, bytes.fill(0x5a, 8_192, 24_576));
      expect((await runCommand(env, 'restore', '--verify')).code).toBe(3);
      await writeFile(file, 'no database at all');
      expect((await runCommand(env, 'restore', '--verify')).code).toBe(3);
    } finally {
      await rm(file);
    }
    const restored = await runCommand(env, 'restore', '--from', backup, '--accept-rollback');
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    await stack.startBroker();
  });
});
