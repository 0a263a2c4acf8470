import { copyFile, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putByHand, takeBackup } from '../support/backups.js';
import { type CommandEnvironment, commandEnvironment, runCommand } from '../support/broker-command.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

/** A backup that knows ada only, and a history that went on with bob and a checkpoint, stopped. */
interface Installation {
  readonly stack: Stack;
  readonly provider: ScriptedOauth;
  readonly place: string;
  readonly env: CommandEnvironment;
  readonly backup: string;
  readonly database: string;
  readonly ada: string;
  readonly bob: string;
  /** Of the history that went on. */
  readonly size: number;
  close(): Promise<void>;
}

async function install(): Promise<Installation> {
  const place = await mkdtemp(join(tmpdir(), 'nexus-restore-'));
  const stack = await startStack({ engine: 'sqlite', brokerEnv: { CHECKPOINT_SECONDS: '1' } });
  const provider = await registerScriptedOauth(stack);
  const ada = (await connectScripted(stack, provider, 'ada')).connection_id;
  const backup = join(place, 'backup');
  await takeBackup(stack, backup);
  const bob = (await connectScripted(stack, provider, 'bob')).connection_id;
  await stack.stopBroker('SIGTERM');
  return {
    stack,
    provider,
    place,
    env: commandEnvironment(stack),
    backup,
    database: join(stack.dataDir, 'nexus.db'),
    ada,
    bob,
    size: await readKnownSize(stack),
    async close() {
      await stack.close();
      await provider.close();
      await rm(place, { recursive: true, force: true });
    },
  };
}

async function readKnownSize(stack: Stack): Promise<number> {
  const lines = (await readFile(join(stack.dataDir, 'checkpoints.log'), 'utf8')).trimEnd().split('\n');
  return JSON.parse(lines.at(-1) ?? '').size;
}

/** Starts a Broker that must end by itself; the same settings as the stack's but for the port. */
async function expectRefusedStart(env: CommandEnvironment, message: string): Promise<void> {
  const { code, stderr } = await runCommand({ ...env, BROKER_PORT: '0' });
  expect(stderr).toContain(message);
  expect(code).toBe(13);
}

async function expectReadable({ stack, ada, bob }: Installation, expected: readonly [number, number]): Promise<void> {
  const read = async (id: string) => (await stack.gateway('GET', `/v1/token/${id}`)).status;
  expect([await read(ada), await read(bob)]).toEqual(expected);
}

let installed: Installation;
beforeAll(async () => {
  installed = await install();
});
afterAll(() => installed?.close());

describe('an older database put back by hand', () => {
  beforeAll(() => putByHand(join(installed.backup, 'nexus.db'), installed.database));

  it('K10: does not start; verifying it says why with exit code 13', async () => {
    const { env, size } = installed;
    await expectRefusedStart(env, 'npm run broker -- restore --accept-rollback');
    const verified = await runCommand(env, 'restore', '--verify');
    expect(verified.code).toBe(13);
    expect(verified.stderr).toContain(`a checkpoint of ${size} entries`);
    await expectRefusedStart(env, 'The audit log ends after');
  });

  it('K10: starts once that is accepted, and the log says so for ever', async () => {
    const { env, stack, size, place, database } = installed;
    const accepted = await runCommand(env, 'restore', '--accept-rollback');
    expect(accepted).toMatchObject({ code: 0, stderr: '' });
    expect(accepted.stdout).toContain('ROLLBACK');
    expect((await runCommand(env, 'restore', '--verify')).code).toBe(0);
    await copyFile(database, join(place, 'just-accepted.db'));

    await stack.startBroker();
    await expectReadable(installed, [200, 404]);
    const log = await stack.broker('GET', '/audit?event_type=backup.*');
    expect(log.body.events).toMatchObject([
      { event_type: 'backup.rollback_accepted', data: { abandoned_size: size } },
    ]);
    expect(log.body.events[0].data.size).toBeLessThan(size);
    await stack.stopBroker('SIGTERM');
    expect((await runCommand(env, 'restore', '--verify')).code).toBe(0);
    expect((await runCommand(env, 'restore', '--accept-rollback')).stdout).toContain('nothing to accept');
  });

  it('K10: an accepted rollback excuses nothing that was signed after it', async () => {
    const { env, stack, place, database } = installed;
    await stack.startBroker();
    await connectScripted(stack, installed.provider, 'carol');
    await stack.stopBroker('SIGTERM');
    const current = await readFile(database);
    // The state in which the rollback had just been accepted: shorter than what was given up then, and than what followed.
    await putByHand(join(place, 'just-accepted.db'), database);
    await expectRefusedStart(env, 'The audit log ends after');
    expect((await runCommand(env, 'restore', '--verify')).code).toBe(13);
    await rm(database);
    await copyBytes(current, database, place);
  });
});
