import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { putByHand, takeBackup } from '../support/backups.js';
import { commandEnvironment, runCommand, startCommand } from '../support/broker-command.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { createSeededRandom } from '../support/seeded-random.js';
import { runSql } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';

vi.setConfig({ testTimeout: 240_000 });

const seed = Math.floor(Math.random() * 2 ** 31);
const random = createSeededRandom(seed);
const kills = 8;

let stack: Stack;
let provider: ScriptedOauth;
let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'nexus-kill-restore-'));
  stack = await startStack({ engine: 'sqlite' });
  provider = await registerScriptedOauth(stack);
  await connectScripted(stack, provider, 'ada');
});
afterAll(async () => {
  await stack?.close();
  await provider?.close();
  await rm(place, { recursive: true, force: true });
});

/** Starts a command; settles when it is over, or when the file that tells of its work is there. */
async function runUntil(args: readonly string[], file: string) {
  const command = startCommand(commandEnvironment(stack), ...args);
  let isEnded = false;
  void command.ended.then(() => {
    isEnded = true;
  });
  while (!isEnded && !(await exists(file))) await new Promise((resolve) => setImmediate(resolve));
  return command;
}

/** How long a command is at work after the file appears, in ms: how late a kill can come here. */
async function measureWork(args: readonly string[], file: string): Promise<number> {
  const command = await runUntil(args, file);
  const start = performance.now();
  expect((await command.ended).code).toBe(0);
  return performance.now() - start;
}

/** Starts a command and kills it some time after the file appears. False when it was faster. */
async function killWithin(args: readonly string[], moment: { readonly file: string; readonly laterMs: number }) {
  const command = await runUntil(args, moment.file);
  if (moment.laterMs > 0) await sleep(moment.laterMs);
  command.kill();
  return (await command.ended).code === null;
}

/** Whether the folder has a file whose name holds this. */
async function exists(path: string): Promise<boolean> {
  const [folder, name = ''] = [join(path, '..'), path.split('/').at(-1)];
  return (await readdir(folder)).some((found) => found.includes(name));
}

describe(`killed at ${kills} moments (seed ${seed})`, () => {
  it('K9: a backup is there whole or not at all, and the Broker goes on', async () => {
    let killed = 0;
    const workMs = await measureWork(['backup', '--to', join(place, 'measured')], join(place, 'measured.'));
    // A small database is copied in some milliseconds: it takes several attempts to be in time.
    for (let run = 0; run < kills || (killed <= kills / 3 && run < 5 * kills); run++) {
      const folder = join(place, `killed-${run}`);
      const moment = { file: join(place, `killed-${run}.`), laterMs: random.below(Math.ceil(workMs)) };
      if (await killWithin(['backup', '--to', folder], moment)) killed += 1;
      if (!existsSync(folder)) continue;
      const { database, manifest } = { database: join(folder, 'nexus.db'), manifest: join(folder, 'manifest.json') };
      const digest = createHash('sha256')
        .update(await readFile(database))
        .digest('hex');
      expect(JSON.parse(await readFile(manifest, 'utf8')).sha256).toBe(digest);
    }
    expect(killed).toBeGreaterThan(kills / 3);
    expect((await stack.broker('GET', '/readyz')).status).toBe(200);
    process.stdout.write(`${killed} backups were killed\n`);
  });

  it('K9: a restore leaves the old database or the new one, never half of one', async () => {
    const backup = join(place, 'backup');
    await takeBackup(stack, backup);
    await connectScripted(stack, provider, 'bob');
    await stack.stopBroker('SIGTERM');
    const { dataDir } = stack;
    const file = join(dataDir, 'nexus.db');
    const before = join(place, 'before.db');
    await putByHand(file, before);
    const checkpoints = await readFile(join(dataDir, 'checkpoints.log'));
    const args = ['restore', '--from', backup, '--accept-rollback'];
    const putBack = async () => {
      for (const name of await readdir(dataDir)) if (name.startsWith('nexus.db.')) await rm(join(dataDir, name));
      await putByHand(before, file);
      await writeFile(join(dataDir, 'checkpoints.log'), checkpoints);
    };
    const counts = { killed: 0, old: 0, restored: 0 };
    const workMs = await measureWork(args, join(dataDir, 'nexus.db.restoring'));
    for (let run = 0; run < kills || (counts.killed <= kills / 3 && run < 5 * kills); run++) {
      await putBack();
      const name = random.pick(['nexus.db.restoring', 'before-restore']);
      const laterMs = name === 'before-restore' ? 0 : random.below(Math.ceil(workMs));
      if (await killWithin(args, { file: join(dataDir, name), laterMs })) counts.killed += 1;

      const verified = await runCommand(commandEnvironment(stack), 'restore', '--verify');
      expect({ run, code: verified.code, stderr: verified.stderr }).toEqual({ run, code: 0, stderr: '' });
      const [row] = await runSql(stack, 'select count(*) as n from connection');
      const [entry] = await runSql(stack, "select count(*) as n from audit_event where event_type = 'backup.restored'");
      const state = Number(row?.['n']) === 2 ? 'old' : 'restored';
      expect({ run, state, recorded: Number(entry?.['n']) }).toEqual({ run, state, recorded: state === 'old' ? 0 : 1 });
      counts[state] += 1;
    }
    expect(counts.killed).toBeGreaterThan(kills / 3);
    expect((await runCommand(commandEnvironment(stack), ...args)).code).toBe(0);
    await stack.startBroker();
    process.stdout.write(`${JSON.stringify(counts)}\n`);
  });
});
