import { setTimeout as sleep } from 'node:timers/promises';
import { chainStart, computeLinkHash } from '@nexus/audit-chain/chain';
import { hashNote, readSignedNote } from '@nexus/audit-chain/signed-note';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Replica, startReplica } from '../support/replica.js';
import { runSql } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const kills = 2;
const writersEach = 4;
/** Between two entries of a writer: entries of all stay between each other, and the machine is left to the Brokers. */
const pauseMs = 20;

type Broker = Pick<Stack, 'broker' | 'logs' | 'killBroker' | 'startBroker'>;

const leads = '"this Broker seals the audit log"';

describe('three Brokers on PostgreSQL and one audit log', () => {
  let stack: Stack;
  let replicas: Replica[];

  beforeAll(async () => {
    const brokerEnv = { CHECKPOINT_SECONDS: '1' };
    stack = await startStack({ engine: 'postgres', brokerEnv });
    replicas = [await startReplica(stack, { brokerEnv }), await startReplica(stack, { brokerEnv })];
  });
  afterAll(async () => {
    for (const replica of replicas) await replica.close();
    await stack.close();
  });

  const count = async (statement: string) => Number((await runSql(stack, statement))[0]?.['n']);
  /** The one that said last that it seals. */
  const findSealer = (): Broker | null => {
    const claims = [stack, ...replicas].flatMap((broker) =>
      broker
        .logs()
        .split('\n')
        .filter((line) => line.includes(leads))
        .map((line) => ({ broker, time: String(JSON.parse(line).time) })),
    );
    return claims.sort((one, other) => (one.time < other.time ? -1 : 1)).at(-1)?.broker ?? null;
  };

  /** Creates keys until it is told to stop; a Broker that is killed meanwhile is waited for. */
  async function write(broker: Broker, isOver: () => boolean): Promise<string[]> {
    const made: string[] = [];
    while (!isOver()) {
      try {
        const answer = await broker.broker('POST', '/admin/v1/keys', { body: { name: 'written', role: 'app' } });
        if (answer.status === 201) made.push(answer.body.id);
      } catch {
        await sleep(50);
      }
      await sleep(pauseMs);
    }
    return made;
  }

  it(`go on with one chain while all write and the one that seals is killed ${kills} times`, async () => {
    let isOver = false;
    const brokers: Broker[] = [stack, ...replicas];
    const writing = brokers.flatMap((broker) => Array.from({ length: writersEach }, () => write(broker, () => isOver)));
    const sealers: Broker[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const sealer = await waitFor('somebody seals', findSealer);
      sealers.push(sealer);
      await sleep(300 + kill * 170);
      await sealer.killBroker();
      await waitFor('another one seals', () => {
        const next = findSealer();
        return next !== null && next !== sealer ? next : null;
      });
      await sealer.startBroker();
    }
    await sleep(500);
    isOver = true;
    const made = (await Promise.all(writing)).flat();
    await waitFor('everything is sealed', async () => {
      const left = await count(
        'select count(*) as n from audit_event where id not in (select event_id from audit_chain)',
      );
      return left === 0 ? true : null;
    });
    const rows = await runSql(
      stack,
      'select * from audit_chain c join audit_event e on e.id = c.event_id order by seq',
    );
    expect(findBreaks(rows)).toEqual([]);
    const recorded = new Set(rows.map((row) => row['resource_id']));
    expect(made.filter((id) => !recorded.has(id))).toEqual([]);
    await expectSoundCheckpoints(rows);
    process.stdout.write(`${rows.length} entries, ${made.length} acknowledged writes, ${sealers.length} kills\n`);
  }, 180_000);

  it('number an entry within a second wherever it was written, and show it at once wherever it is asked for', async () => {
    for (const writer of [stack, ...replicas]) {
      const created = await writer.broker('POST', '/admin/v1/keys', { body: { name: 'shown', role: 'app' } });
      for (const reader of [stack, ...replicas]) {
        const page = await reader.broker('GET', `/audit?order=asc&limit=500&resource_id=${created.body.id}`);
        expect(page.body.events).toMatchObject([{ event_type: 'key.created', seq: expect.any(Number) }]);
      }
    }
  });

  it('tell the same of sealing, whoever is asked', async () => {
    const answers = await waitFor('they agree', async () => {
      const all = await Promise.all(
        [stack, ...replicas].map(async (broker) => (await broker.broker('GET', '/admin/v1/status')).body.sealing),
      );
      return new Set(all.map((sealing) => sealing.sealed)).size === 1 ? all : null;
    });
    for (const sealing of answers) expect(sealing).toMatchObject({ refused: 0, lag_seconds: expect.any(Number) });
    expect(new Set(answers.map((sealing) => sealing.checkpoint_size)).size).toBe(1);
  });

  it('append without waiting for each other: an entry that is not committed holds up neither entries nor seals', async () => {
    const blocker = new pg.Client({ connectionString: stack.databaseUrl });
    await blocker.connect();
    try {
      await blocker.query('begin');
      await blocker.query(
        `insert into audit_event select 'held', created_at, event_type, outcome, actor_id, connection_ref, resource_id,
          agent_id, workspace_id, entry, mac_key, entry_hash, mac from audit_event limit 1`,
      );
      const [{ pid } = { pid: 0 }] = (await blocker.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
      const before = await count('select count(*) as n from audit_chain');
      const created = await Promise.all(
        Array.from({ length: 32 }, (_, index) =>
          ([stack, ...replicas][index % 3] as Broker).broker('POST', '/admin/v1/keys', {
            body: { name: 'beside', role: 'app' },
          }),
        ),
      );
      expect(created.map(({ status }) => status)).toEqual(created.map(() => 201));
      await waitFor('they are sealed', async () =>
        (await count('select count(*) as n from audit_chain')) >= before + 32 ? true : null,
      );
      const { rows } = await blocker.query('select pid from pg_stat_activity where $1 = any(pg_blocking_pids(pid))', [
        pid,
      ]);
      expect(rows).toEqual([]);
    } finally {
      await blocker.query('rollback');
      await blocker.end();
    }
  });

  async function expectSoundCheckpoints(rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    const checkpoints = await runSql(stack, 'select size, note from audit_checkpoint order by size');
    let before: Uint8Array = new Uint8Array(32);
    for (const { size, note } of checkpoints) {
      const signed = readSignedNote(String(note));
      expect(signed?.checkpoint.size).toBe(Number(size));
      expect(Buffer.from(signed?.checkpoint.previousNoteHash ?? [])).toEqual(Buffer.from(before));
      expect(Buffer.from(signed?.checkpoint.headHash ?? [])).toEqual(rows[Number(size) - 1]?.['hash']);
      before = hashNote(String(note));
    }
    expect(checkpoints.length).toBeGreaterThan(kills);
  }
});

/** What is wrong with the links, joined with their entries; empty when each is where it belongs. */
function findBreaks(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  let previous: Uint8Array = chainStart;
  return rows.flatMap((row, index) => {
    const hash = computeLinkHash({
      seq: index + 1,
      prevHash: previous,
      entryHash: row['entry_hash'] as Uint8Array,
      mac: row['mac'] as Uint8Array,
      macKey: Number(row['mac_key']),
    });
    const isRight = Number(row['seq']) === index + 1 && Buffer.compare(row['hash'] as Uint8Array, hash) === 0;
    previous = hash;
    return isRight ? [] : [`link ${String(row['seq'])}`];
  });
}
