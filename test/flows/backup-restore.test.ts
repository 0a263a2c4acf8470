import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeDatabase, putByHand, takeBackup } from '../support/backups.js';
import { type CommandEnvironment, commandEnvironment, runCommand } from '../support/broker-command.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { type Stack, startStack } from '../support/stack.js';

/** A backup that knows ada only, and a history that went on with bob; the Broker has stopped. */
interface Installation {
  readonly stack: Stack;
  readonly provider: ScriptedOauth;
  readonly env: CommandEnvironment;
  readonly place: string;
  /** Folder of the backup. */
  readonly backup: string;
  /** The file that is served from, and the one of the backup. */
  readonly database: string;
  readonly older: string;
  readonly checkpoints: string;
  readonly ada: string;
  readonly bob: string;
  /** Of the newest checkpoint of the history that went on. */
  readonly size: number;
}

let here: Installation;

// Each case starts several processes, one after the other.
vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  const place = await mkdtemp(join(tmpdir(), 'nexus-restore-'));
  const stack = await startStack({ engine: 'sqlite' });
  const provider = await registerScriptedOauth(stack);
  const { connection_id: ada } = await connectScripted(stack, provider, 'ada');
  const backup = join(place, 'backup');
  await takeBackup(stack, backup);
  const { connection_id: bob } = await connectScripted(stack, provider, 'bob');
  await stack.stopBroker('SIGTERM');
  const checkpoints = join(stack.dataDir, 'checkpoints.log');
  const [database, older] = [join(stack.dataDir, 'nexus.db'), join(backup, 'nexus.db')];
  const lines = (await readFile(checkpoints, 'utf8')).trimEnd().split('\n');
  const { size } = JSON.parse(lines.at(-1) ?? '');
  here = {
    ...{ stack, provider, place, backup, database, older, checkpoints, ada, bob, size },
    env: commandEnvironment(stack),
  };
  await cp(stack.dataDir, join(place, 'as-it-was'), { recursive: true });
});
beforeEach(async () => {
  const { stack, place } = here;
  for (const name of await readdir(stack.dataDir)) await rm(join(stack.dataDir, name), { recursive: true });
  await cp(join(place, 'as-it-was'), stack.dataDir, { recursive: true });
});
afterEach(() => here.stack.stopBroker('SIGTERM'));
afterAll(async () => {
  await here?.stack.close();
  await here?.provider.close();
  await rm(here.place, { recursive: true, force: true });
});

const restore = (...args: readonly string[]) => runCommand(here.env, 'restore', ...args);

/** Starts a Broker that must end by itself. */
async function expectRefusedStart(message: string): Promise<void> {
  const { code, stderr } = await runCommand({ ...here.env, BROKER_PORT: '0' });
  expect(stderr).toContain(message);
  expect(code).toBe(13);
}

async function expectReadable(adaStatus: number, bobStatus: number): Promise<void> {
  const read = async (id: string) => (await here.stack.gateway('GET', `/v1/token/${id}`)).status;
  expect([await read(here.ada), await read(here.bob)]).toEqual([adaStatus, bobStatus]);
}

async function readEvents(type: string) {
  return (await here.stack.broker('GET', `/audit?event_type=${type}`)).body.events;
}

describe('an older database put back by hand', () => {
  it('K10: does not start until that is accepted, and the log says so for ever', async () => {
    const { stack, size } = here;
    await putByHand(here.older, here.database);
    await expectRefusedStart('npm run broker -- restore --accept-rollback');
    const verified = await restore('--verify');
    expect(verified).toMatchObject({ code: 13, stderr: expect.stringContaining(`a checkpoint of ${size} entries`) });
    await expectRefusedStart('older than it was');

    const accepted = await restore('--accept-rollback');
    expect(accepted).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('ROLLBACK') });
    expect(await restore('--verify')).toMatchObject({ code: 0, stderr: '' });
    expect((await restore('--accept-rollback')).stdout).toContain('nothing to accept');
    await stack.startBroker();
    await expectReadable(200, 404);
    const [event, ...others] = await readEvents('backup.rollback_accepted');
    expect(others).toEqual([]);
    expect(event).toMatchObject({ actor: { type: 'system' }, data: { abandoned_size: size } });
    expect(event.data.size).toBeLessThan(size);
    await stack.stopBroker('SIGTERM');
    expect(await restore('--verify')).toMatchObject({ code: 0, stderr: '' });
  });

  it('K10: an accepted rollback excuses nothing that was signed after it', async () => {
    const { stack, place, database, older } = here;
    await putByHand(older, database);
    await restore('--accept-rollback');
    const justAccepted = join(place, 'just-accepted.db');
    await putByHand(database, justAccepted);
    await stack.startBroker();
    await stack.stopBroker('SIGTERM');
    // Shorter than what was given up, and than what followed.
    await putByHand(justAccepted, database);
    await expectRefusedStart('older than it was');
    expect((await restore('--verify')).code).toBe(13);
  });

  it('K10: somebody who writes the acceptance into the table accepts nothing', async () => {
    await putByHand(here.older, here.database);
    const entry = JSON.stringify({ data: { size: 1, abandoned_size: here.size } });
    changeDatabase(here.database, [
      `insert into audit_event (id, created_at, event_type, outcome, entry, entry_hash, mac, mac_key)
        select '01ZZZZZZZZZZZZZZZZZZZZZZZZ', '2099-01-01T00:00:00.000Z', 'backup.rollback_accepted', outcome, '${entry}',
          entry_hash, mac, mac_key from audit_event limit 1`,
    ]);
    await expectRefusedStart('older than it was');
    expect((await restore('--accept-rollback')).code).toBe(10);
  });

  it('K10: a checkpoint that is written into its table makes no log of it', async () => {
    const lines = (await readFile(here.checkpoints, 'utf8')).trimEnd().split('\n');
    const { size, created_at, note } = JSON.parse(lines.at(-1) ?? '');
    await putByHand(here.older, here.database);
    changeDatabase(here.database, [
      `insert into audit_checkpoint (size, created_at, note, key_id) values (${size}, '${created_at}', '${note}', 5)`,
    ]);
    await expectRefusedStart('older than it was');
    expect((await restore('--accept-rollback')).code).not.toBe(0);
  });

  it('K10: a line that a crash cut in half hides nothing', async () => {
    const text = await readFile(here.checkpoints, 'utf8');
    await putByHand(here.older, here.database);
    await writeFile(here.checkpoints, `${text}${text.slice(0, 100)}`);
    await expectRefusedStart('older than it was');
  });
});

describe('a database that is not the one it was', () => {
  it('K10: is refused though its log is long enough, and may be put back all the same', async () => {
    const { stack, place, database, backup } = here;
    const original = join(place, 'original.db');
    await putByHand(database, original);
    expect((await restore('--from', backup, '--accept-rollback')).code).toBe(0);
    // The restore alone signed another history; this undoes it.
    await putByHand(original, database);
    await expectRefusedStart('the audit log is another one');
    expect((await restore('--verify')).code).toBe(13);
    expect(await restore('--accept-rollback')).toMatchObject({ code: 0, stderr: '' });
    await stack.startBroker();
    await expectReadable(200, 200);
    await stack.stopBroker('SIGTERM');
    expect(await restore('--verify')).toMatchObject({ code: 0, stderr: '' });
  });

  it('K10: an empty one is refused before anything is made in its place', async () => {
    const { stack, database } = here;
    const keyFile = await readFile(join(stack.dataDir, 'kek.key'));
    const adminKey = join(stack.dataDir, 'admin.key');
    for (const path of [database, adminKey]) await rm(path);
    await expectRefusedStart('The database is empty, but checkpoints.log');
    expect(await readFile(join(stack.dataDir, 'kek.key'))).toEqual(keyFile);
    await expect(readFile(adminKey)).rejects.toThrow('ENOENT');
    expect((await restore('--verify')).code).toBe(3);
    expect((await restore('--from', here.backup, '--accept-rollback')).code).toBe(0);
    await stack.startBroker();
    await expectReadable(200, 404);
  });
});

describe('restore --from', () => {
  it('K10: refuses a backup that is older than a checkpoint it knows, and with --accept-rollback records it', async () => {
    const { stack, backup, database, size } = here;
    const before = await readFile(database);
    const refused = await restore('--from', backup);
    expect(refused).toMatchObject({ code: 13, stdout: expect.stringContaining('nothing was restored') });
    expect(refused.stderr).toContain(`a checkpoint of ${size} entries`);
    expect(await readFile(database)).toEqual(before);

    const restored = await restore('--from', backup, '--accept-rollback');
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    const [, kept = ''] = /kept as (.+)/.exec(restored.stdout) ?? [];
    await stack.startBroker();
    await expectReadable(200, 404);
    const manifest = JSON.parse(await readFile(join(backup, 'manifest.json'), 'utf8'));
    const data = { sha256: manifest.sha256, size: manifest.chain.size, head: manifest.chain.head };
    expect(await readEvents('backup.restored')).toMatchObject([{ data: { ...data, created_at: manifest.created_at } }]);
    expect(await readEvents('backup.rollback_accepted')).toMatchObject([{ data: { abandoned_size: size } }]);
    expect(await readEvents('backup.taken'), 'the backup is older than the entry about it').toEqual([]);
    await stack.stopBroker('SIGTERM');

    // What was there before is a whole database.
    await putByHand(kept, database);
    expect((await restore('--accept-rollback')).code).toBe(0);
    await stack.startBroker();
    await expectReadable(200, 200);
    expect(await readEvents('backup.taken')).toMatchObject([{ data }]);
  });

  it('K10: knows checkpoints that were kept elsewhere, as lines of a log too', async () => {
    const { stack, place, backup, checkpoints, size } = here;
    const elsewhere = join(place, 'elsewhere.log');
    const records = (await readFile(checkpoints, 'utf8')).trimEnd().split('\n');
    const notes = records.map((line) => JSON.stringify(JSON.parse(line).note));
    // Other cases went on with the same installation.
    const isOfAnother = (line: string) =>
      line.includes('audit.checkpoint') && !notes.some((note) => line.includes(note));
    const logged = stack
      .logs()
      .split('\n')
      .filter((line) => !isOfAnother(line));
    expect(logged.filter((line) => line.includes('audit.checkpoint'))).toHaveLength(records.length);
    await rename(checkpoints, `${checkpoints}.lost`);
    for (const lines of [records, logged]) {
      await writeFile(elsewhere, `${lines.join('\n')}\n`);
      const refused = await restore('--from', backup, '--checkpoints', elsewhere);
      expect(refused).toMatchObject({ code: 13, stderr: expect.stringContaining(`a checkpoint of ${size} entries`) });
    }
    expect((await restore('--from', backup, '--verify')).code).toBe(0);
    expect((await restore('--from', backup)).code).toBe(0);
  });
});
