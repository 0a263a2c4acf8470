import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { commandEnvironment, runCommand } from '../support/broker-command.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { runSql } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const backups = 20;
const writers = 2;
/** Enough for a write within every copy, and little enough for the log to stay short. */
const pauseMs = 50;

interface Load {
  /** Ids of connections whose success was answered, in their order. */
  readonly connected: readonly string[];
  readonly writes: () => number;
  stop(): Promise<void>;
}

/** People connect, applications read and refresh, until it is stopped. */
function startLoad(stack: Stack, provider: ScriptedOauth): Load {
  const connected: string[] = [];
  let isStopped = false;
  let writes = 0;
  const write = async (name: number) => {
    for (let turn = 0; !isStopped; turn++) {
      const { connection_id: id } = await connectScripted(stack, provider, `person${name}x${turn}`);
      connected.push(id);
      await stack.gateway('GET', `/v1/token/${id}`);
      await stack.gateway('POST', `/v1/refresh/${id}`);
      writes += 1;
      await sleep(pauseMs);
    }
  };
  const running = Array.from({ length: writers }, (_, name) => write(name));
  return {
    connected,
    writes: () => writes,
    async stop() {
      isStopped = true;
      await Promise.all(running);
    },
  };
}

/** Restores it into an installation of its own, which has nothing but the key file; its settings come back. */
async function restoreElsewhere(stack: Stack, folder: string, place: string) {
  const dataDir = await mkdtemp(join(place, 'restored-'));
  await copyFile(join(stack.dataDir, 'kek.key'), join(dataDir, 'kek.key'));
  const there = { dataDir, databaseUrl: `sqlite:${join(dataDir, 'nexus.db')}` };
  const restored = await runCommand(commandEnvironment(there), 'restore', '--from', folder);
  expect({ code: restored.code, stderr: restored.stderr }).toEqual({ code: 0, stderr: '' });
  return there;
}

describe('backups of a Broker that is written to', () => {
  it(`K9: ${backups} of ${backups} restore, with everything that was acknowledged before each`, async () => {
    const place = await mkdtemp(join(tmpdir(), 'nexus-backups-'));
    const stack = await startStack({ engine: 'sqlite', brokerEnv: { CHECKPOINT_SECONDS: '1' } });
    const provider = await registerScriptedOauth(stack);
    const load = startLoad(stack, provider);
    try {
      const taken: { readonly folder: string; readonly connected: readonly string[] }[] = [];
      await waitFor('people are connected', () => (load.connected.length > 10 ? true : null));
      for (let number = 1; number <= backups; number++) {
        const folder = join(place, `backup ${number} at 10:00`);
        const connected = [...load.connected];
        const writesBefore = load.writes();
        const { code, stderr } = await runCommand(commandEnvironment(stack), 'backup', '--to', folder);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(load.writes(), 'it was written to meanwhile').toBeGreaterThan(writesBefore);
        taken.push({ folder, connected });
      }
      await load.stop();
      for (const { folder, connected } of taken) {
        const there = await restoreElsewhere(stack, folder, place);
        const rows = await runSql(
          { engine: 'sqlite', ...there },
          "select id_hash from connection where status = 'active'",
        );
        const active = new Set(rows.map((row) => row['id_hash']));
        expect(connected.filter((id) => !active.has(hashToken(id)))).toEqual([]);
      }
      const log = await stack.broker('GET', '/audit?event_type=backup.taken&limit=100');
      expect(log.body.events).toHaveLength(backups);

      const last = taken.at(-1) ?? { folder: '', connected: [] };
      await stack.stopBroker('SIGTERM');
      const restored = await runCommand(
        commandEnvironment(stack),
        'restore',
        '--from',
        last.folder,
        '--accept-rollback',
      );
      expect(restored.code).toBe(0);
      await stack.startBroker();
      for (const id of last.connected) {
        expect((await stack.gateway('GET', `/v1/token/${id}`)).status).toBe(200);
      }
      process.stdout.write(
        `${load.writes()} rounds of writes, ${last.connected.length} connections read after the last\n`,
      );
    } finally {
      await load.stop().catch(() => undefined);
      await stack.close();
      await provider.close();
      await rm(place, { recursive: true, force: true });
    }
  }, 300_000);
});
