/** On PostgreSQL it is the server that meets the failure: it panics, and the Broker sees its connections break (O8). */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type FailingFsync, prepareFailingFsync } from '../support/failing-fsync.js';
import { connectScripted, registerScriptedOauth } from '../support/scripted-oauth.js';
import { runSql } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

vi.setConfig({ testTimeout: 90_000 });

const exitInputOutput = 74;
const readers = 8;
const patienceMs = 30_000;

interface Reading {
  readonly requestId: string;
  /** Whether it began when an `fsync` had failed already. */
  readonly isLate: boolean;
  readonly status: number;
}

/** Reads until the Broker is gone; the answers that came. */
async function readUntilGone(stack: Stack, id: string, fsync: FailingFsync): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  const deadline = Date.now() + patienceMs;
  const read = async () => {
    while (Date.now() < deadline) {
      const requestId = randomUUID();
      const isLate = fsync.hasFailed();
      const headers = { 'X-Request-Id': requestId };
      const answer = await stack.gateway('GET', `/v1/token/${id}`, { headers });
      readings.push({ requestId, isLate, status: answer.status });
      if (answer.body.code === 'broker_unavailable') return;
    }
  };
  await Promise.all(Array.from({ length: readers }, read));
  return readings;
}

async function readRecorded(stack: Stack): Promise<ReadonlySet<string>> {
  const rows = await runSql(stack, "select entry from audit_event where event_type = 'token.retrieved'");
  return new Set(rows.map((row) => JSON.parse(String(row['entry'])).request_id));
}

describe('an fsync that fails', () => {
  // The database file itself is written when the write-ahead log is copied into it, after some thousand reads.
  it.each([
    // Whichever is written through first.
    ['of any file', '', /^(SQLITE_IOERR_FSYNC|EIO)$/],
    ['of the write-ahead log', 'nexus.db-wal', /^SQLITE_IOERR_FSYNC$/],
    ['of the database file', 'nexus.db', /^SQLITE_IOERR_FSYNC$/],
    ['of the checkpoints', 'checkpoints.log', /^EIO$/],
    ['of the audit file', 'audit.ndjson', /^EIO$/],
  ])(
    'O3: %s ends the Broker at once; nothing more is answered, nothing answered is unrecorded',
    async (_, suffix, code) => {
      await using fsync = await prepareFailingFsync();
      const files = { AUDIT_FILE: join(fsync.folder, 'audit.ndjson'), CHECKPOINT_SECONDS: '1' };
      const stack = await startStack({ engine: 'sqlite', brokerEnv: { ...fsync.env, ...files } });
      const provider = await registerScriptedOauth(stack);
      try {
        const { connection_id: id } = await connectScripted(stack, provider, 'ada');
        const reading = readUntilGone(stack, id, fsync);
        await waitFor('reads are answered', async () => ((await readRecorded(stack)).size > 100 ? true : null));
        fsync.failFor(suffix);

        const readings = await reading;
        expect(fsync.hasFailed()).toBe(true);
        // A Broker that still lived would be stopped by the signal with another exit code.
        expect(await stack.stopBroker('SIGKILL')).toBe(exitInputOutput);
        const answered = readings.filter((answer) => answer.status === 200);
        expect(answered.length).toBeGreaterThan(50);
        expect(answered.filter((answer) => answer.isLate)).toEqual([]);
        const lines = /a write could not be made durable \((\w+)\); nothing more is answered\. Check the disk\./g;
        const codes = [...stack.logs().matchAll(lines)].map(([, named]) => named);
        expect(codes).toEqual([expect.stringMatching(code)]);

        await stack.startBroker({ LD_PRELOAD: '' });
        const recorded = await readRecorded(stack);
        expect(answered.filter((answer) => !recorded.has(answer.requestId))).toEqual([]);
        expect(await runSql(stack, 'pragma integrity_check')).toEqual([{ integrity_check: 'ok' }]);
        expect((await stack.gateway('GET', `/v1/token/${id}`)).status).toBe(200);
      } finally {
        await stack.close();
        await provider.close();
      }
    },
  );
});
