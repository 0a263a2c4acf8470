/** What a restore finds wrong can be lived with, on record; and what becomes of checkpoints.log keeps nobody out. */
import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { copyChanged, putByHand, takeBackup } from '../support/backups.js';
import { commandEnvironment, runCommand } from '../support/broker-command.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { type Stack, startStack } from '../support/stack.js';

let stack: Stack;
let provider: ScriptedOauth;
let place: string;
let backup: string;
let ada: string;
let database: string;
let checkpoints: string;
let names = 0;

// Each case starts several processes, one after the other.
vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'nexus-damage-'));
  stack = await startStack({ engine: 'sqlite' });
  provider = await registerScriptedOauth(stack);
  ({ connection_id: ada } = await connectScripted(stack, provider, 'ada'));
  backup = join(place, 'backup');
  await takeBackup(stack, backup);
  await connectScripted(stack, provider, 'bob');
  await stack.stopBroker('SIGTERM');
  database = join(stack.dataDir, 'nexus.db');
  checkpoints = join(stack.dataDir, 'checkpoints.log');
  await cp(stack.dataDir, join(place, 'as-it-was'), { recursive: true });
});
beforeEach(async () => {
  for (const name of await readdir(stack.dataDir)) await rm(join(stack.dataDir, name), { recursive: true });
  await cp(join(place, 'as-it-was'), stack.dataDir, { recursive: true });
});
afterEach(() => stack.stopBroker('SIGTERM'));
afterAll(async () => {
  await stack?.close();
  await provider?.close();
  await rm(place, { recursive: true, force: true });
});

const restore = (...args: readonly string[]) => runCommand(commandEnvironment(stack), 'restore', ...args);

function changed(...statements: readonly string[]): Promise<string> {
  names += 1;
  return copyChanged(backup, join(place, `changed-${names}`), { statements, fixesManifest: true });
}

async function readData(type: string) {
  const { body } = await stack.broker('GET', `/audit?event_type=${type}&limit=1`);
  return body.events[0]?.data;
}

/** The Broker serves, signs further checkpoints, and reads ada's credential. */
async function expectServing(): Promise<void> {
  await stack.startBroker();
  expect((await stack.gateway('GET', `/v1/token/${ada}`)).status).toBe(200);
  expect((await stack.broker('GET', '/readyz')).status).toBe(200);
}

async function expectRefusedStart(message: string): Promise<void> {
  const { code, stderr } = await runCommand({ ...commandEnvironment(stack), BROKER_PORT: '0' });
  expect(stderr).toContain(message);
  expect(code).toBe(13);
}

const junk = `insert into audit_event (id, created_at, event_type, outcome, entry, entry_hash, mac, mac_key)
  select '01ZZZZZZZZZZZZZZZZZZZZZZZZ', created_at, event_type, outcome, 'junk', entry_hash, mac, mac_key
    from audit_event limit 1`;
const lastEntry = 'id = (select event_id from audit_chain order by seq desc limit 1)';

describe('restore --accept-damage', () => {
  it.each<[string, readonly string[], readonly number[]]>([
    ['an entry of somebody else', [junk], [10]],
    [
      'an altered entry that no checkpoint covers',
      [`update audit_event set entry = entry || ' ' where ${lastEntry}`],
      [10],
    ],
    ['a log without a link', ['delete from audit_chain where seq = 5'], [11]],
    ['an altered client secret', ['update provider set sealed_secrets = zeroblob(length(sealed_secrets))'], [14]],
  ])('K10: restores a backup with %s, tells what is wrong with it and records that', async (_, statements, codes) => {
    const folder = await changed(...statements);
    const [code] = codes;
    const refused = await restore('--from', folder, '--accept-rollback');
    expect(refused).toMatchObject({ code, stdout: expect.stringContaining('nothing was restored') });

    const restored = await restore('--from', folder, '--accept-rollback', '--accept-damage');
    expect(restored.stderr).toBe(refused.stderr);
    expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('DAMAGE') });
    await expectServing();
    const recorded = await readData('backup.restored');
    expect(recorded.damage_codes).toEqual(codes);
    expect(recorded.damage_count).toBe(refused.stderr.trimEnd().split('\n').length);
    await stack.stopBroker('SIGTERM');
    // What was accepted once stays visible.
    expect((await restore('--verify')).code).toBe(code);
  });

  it.each<[string, readonly string[], number]>([
    ['a false signature', ["update audit_checkpoint set note = replace(note, 'nexus-', 'nexos-')"], 12],
    ['references to rows that are gone', ['pragma foreign_keys = off', 'delete from provider'], 3],
  ])('K10: does not restore a backup with %s', async (_, statements, code) => {
    const folder = await changed(...statements, junk);
    const before = await readFile(database);
    const refused = await restore('--from', folder, '--accept-rollback', '--accept-damage');
    expect(refused).toMatchObject({ code, stdout: expect.stringContaining('nothing was restored') });
    expect(await readFile(database)).toEqual(before);
  });

  it('K10: accepts no rollback by itself', async () => {
    expect((await restore('--from', await changed(junk), '--accept-damage')).code).toBe(13);
  });

  it('K10: lets a damaged database that was put back by hand start', async () => {
    await putByHand(join(await changed(junk), 'nexus.db'), database);
    await expectRefusedStart('--accept-rollback');
    expect((await restore('--accept-rollback')).code).toBe(10);
    await expectRefusedStart('--accept-rollback');
    const accepted = await restore('--accept-rollback', '--accept-damage');
    expect(accepted.code).toBe(0);
    const count = accepted.stderr.trimEnd().split('\n').length;
    await expectServing();
    expect(await readData('backup.rollback_accepted')).toMatchObject({ damage_codes: [10], damage_count: count });
  });
});

describe('checkpoints.log', () => {
  it.each<[string, () => Promise<void>]>([
    ['is missing', () => rm(checkpoints)],
    ['was emptied', () => writeFile(checkpoints, '')],
  ])('K10: that %s is told and recorded, and tells again from then on', async (_, change) => {
    await change();
    await expectServing();
    expect(stack.logs()).toContain('checkpoints.log has no checkpoint');
    expect(await readData('service.started')).toMatchObject({ checkpoints_lost: true });
    await stack.stopBroker('SIGKILL');
    await putByHand(join(backup, 'nexus.db'), database);
    await expectRefusedStart('older than it was');
  });

  it('K10: hides nothing behind much else that is written into it', async () => {
    await appendFile(checkpoints, `${'junk '.repeat(20)}\n`.repeat(4_000));
    await putByHand(join(backup, 'nexus.db'), database);
    await expectRefusedStart('older than it was');
  });

  it.each<[string, (line: { size: number; created_at: string; note: string }) => object]>([
    ['an altered signature', ({ note, ...line }) => ({ ...line, note: note.replace(/.{8}\n$/, 'AAAAAAA=\n') })],
    ['a time to come', ({ note, ...line }) => ({ ...line, note: note.replace(/\n2\d{3}-/, '\n2099-') })],
    ['more entries than there are', ({ note, ...line }) => ({ ...line, note: note.replace(/\n\d+\n/, '\n999999\n') })],
  ])('K10: a line with %s keeps no Broker from starting, and is told and recorded', async (_, forge) => {
    const text = await readFile(checkpoints, 'utf8');
    const line = JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');
    const forged = forge(line);
    expect(forged).not.toEqual(line);
    await appendFile(checkpoints, `${JSON.stringify(forged)}\n`);
    await expectServing();
    expect(stack.logs()).toContain('have a false signature');
    expect(await readData('service.started')).toMatchObject({ checkpoints_forged: 1 });
    await stack.stopBroker('SIGTERM');
    const verified = await restore('--verify');
    expect(verified).toMatchObject({ code: 12, stderr: expect.stringContaining('remove it') });
    const lines = (await readFile(checkpoints, 'utf8')).split('\n');
    await writeFile(checkpoints, lines.filter((other) => other !== JSON.stringify(forged)).join('\n'));
    expect(await restore('--verify')).toMatchObject({ code: 0, stderr: '' });
  });

  it('K10: hides no older database behind a forged line', async () => {
    const text = await readFile(checkpoints, 'utf8');
    const last = text.trimEnd().split('\n').at(-1) ?? '';
    await appendFile(checkpoints, `${last.replace(/.{8}\\n"\}$/, 'AAAAAAA=\\n"}')}\n`);
    await putByHand(join(backup, 'nexus.db'), database);
    await expectRefusedStart('older than it was');
  });
});
