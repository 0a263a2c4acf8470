import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chainStart, computeLinkHash, hashEntry } from '@nexus/audit-chain/chain';
import type { CheckpointLine, EndLine, ExportLine, SealedLine } from '@nexus/audit-chain/export-format';
import { decodeVerifierKey, hashNote, isSignedBy, readSignedNote } from '@nexus/audit-chain/signed-note';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../support/fixtures.js';
import { runSql } from '../support/sql.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

interface Event {
  readonly id: string;
  readonly seq: number | null;
  readonly event_type: string;
  readonly created_at: string;
}

describe.each(engines)('the sealed audit log on %s', (engine) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ engine, brokerEnv: { CHECKPOINT_SECONDS: '1' } });
  });
  afterAll(async () => {
    await stack.close();
  });

  /** An entry of its own: the key that is created. */
  const act = async (): Promise<string> => (await createKey(stack, 'app')).id;
  const list = async (query: string): Promise<readonly Event[]> =>
    (await stack.broker('GET', `/audit?limit=500${query}`)).body.events;
  const exportLog = async (range = ''): Promise<string> => {
    const answer = await stack.broker('GET', `/audit/export${range}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    return answer.body;
  };
  const prune = (toSeq: number, archive: string): Promise<Answer> =>
    stack.broker('POST', '/admin/v1/audit/prune', {
      body: { to_seq: toSeq, archive_sha256: createHash('sha256').update(archive).digest('hex') },
    });
  const waitForCheckpoint = (size: number): Promise<number> =>
    waitFor(`a checkpoint of size ${size}`, async () => {
      const { checkpoints } = (await stack.broker('GET', '/audit/checkpoints')).body;
      const newest = checkpoints.at(-1)?.size ?? 0;
      return newest >= size ? newest : null;
    });

  it('numbers an entry within a second, nobody asking', async () => {
    const keyId = await act();
    const askedAt = performance.now();
    const [found] = await list(`&event_type=key.created&resource_id=${keyId}`);
    expect(found).toBeDefined();
    const sealed = await waitFor(
      'the entry has a number',
      async () => {
        const [event] = await list(`&event_type=key.created&resource_id=${keyId}`);
        return event?.seq ?? null;
      },
      5_000,
    );
    expect(sealed).toBeGreaterThan(0);
    expect(performance.now() - askedAt).toBeLessThan(5_000);
  });

  it('pages the oldest first by number, without a gap, and shows at once what was just done', async () => {
    const keyId = await act();
    const all = await list('&order=asc');
    expect(all.at(-1)).toMatchObject({ event_type: 'key.created', data: { key_id: keyId } });
    expect(all.map((event) => event.seq)).toEqual(all.map((_, index) => index + 1));
    const paged: Event[] = [];
    for (let cursor = ''; ; ) {
      const page = await stack.broker('GET', `/audit?order=asc&limit=3${cursor}`);
      paged.push(...page.body.events);
      if (page.body.next_cursor === undefined) break;
      cursor = `&cursor=${page.body.next_cursor}`;
    }
    expect(paged.slice(0, all.length)).toEqual(all);
    const later = await act();
    const next = await stack.broker('GET', `/audit?order=asc&cursor=${all.at(-1)?.seq}`);
    expect(next.body.events.map((event: Event) => event.seq)).toContain((all.at(-1)?.seq ?? 0) + 1);
    expect(JSON.stringify(next.body.events)).toContain(later);
    for (const cursor of ['0', '-1', '1.5', '9e9', 'MjAyNg', '1'.repeat(20)]) {
      const refused = await stack.broker('GET', `/audit?order=asc&cursor=${cursor}`);
      expect([cursor, refused.status, refused.body.code]).toEqual([cursor, 400, 'invalid_cursor']);
    }
  });

  it('exports a chain, checkpoints and an end that anybody can check', async () => {
    await act();
    await waitForCheckpoint(1);
    const text = await exportLog();
    const lines = parse(text);
    const sealed = lines.filter((line): line is SealedLine => line.kind === 'sealed');
    expect(lines[0]).toEqual({ kind: 'header', format: 'nexus-audit/1', from_seq: null, to_seq: null });
    let previous = chainStart;
    for (const [index, line] of sealed.entries()) {
      const { stored } = line;
      expect([line.seq, line.event_id]).toEqual([index + 1, stored?.columns.id]);
      expect(Buffer.from(hashEntry(stored?.entry ?? '')).toString('hex')).toBe(stored?.entry_hash);
      expect(line.prev_hash).toBe(Buffer.from(previous).toString('hex'));
      previous = computeLinkHash({
        seq: line.seq,
        prevHash: previous,
        entryHash: Buffer.from(stored?.entry_hash ?? '', 'hex'),
        mac: Buffer.from(stored?.mac ?? '', 'hex'),
        macKey: stored?.mac_key ?? 0,
      });
      expect(line.hash).toBe(Buffer.from(previous).toString('hex'));
    }
    const { verifier_keys: verifierKeys } = (await stack.broker('GET', '/audit/checkpoints')).body;
    checkNotes(lines, sealed, verifierKeys);
    const end = lines.at(-1) as EndLine;
    expect([end.kind, end.lines]).toEqual(['end', lines.length - 1]);
    expect(Math.abs(Date.parse(end.exported_at ?? '') - Date.now())).toBeLessThan(60_000);
    const exported = await list('&event_type=audit.exported');
    expect(exported.length).toBeGreaterThan(0);
  });

  it('exports a range with an end as the same bytes at any time, and covers it first', async () => {
    await act();
    const [newest] = (await list('&order=asc')).slice(-1);
    const to = newest?.seq ?? 0;
    const first = await exportLog(`?from_seq=2&to_seq=${to}`);
    for (let i = 0; i < 5; i++) await act();
    await waitForCheckpoint(to + 1);
    expect(await exportLog(`?from_seq=2&to_seq=${to}`)).toBe(first);
    const lines = parse(first);
    expect(lines.filter((line) => line.kind === 'sealed').map((line) => (line as SealedLine).seq)).toEqual(
      Array.from({ length: to - 1 }, (_, index) => index + 2),
    );
    expect(lines.at(-2)).toMatchObject({ kind: 'checkpoint', size: to });
    expect(lines.at(-1)).toEqual({ kind: 'end', lines: lines.length - 1, exported_at: null });
    for (const [range, code] of [
      ['?from_seq=5&to_seq=4', '400 invalid_request'],
      ['?to_seq=100000', '409 range_not_prunable'],
      ['?to_seq=0', '400 invalid_request'],
      ['?from_seq=x', '400 invalid_request'],
      ['?until=3', '400 invalid_request'],
    ]) {
      const refused = await stack.broker('GET', `/audit/export${range}`);
      expect([range, `${refused.status} ${refused.body.code}`]).toEqual([range, code]);
    }
  });

  it('A13: prunes what the caller holds as an archive, and nothing else', async () => {
    await act();
    const events = await list('&order=asc');
    const to = (events.at(-1)?.seq ?? 0) - 2;
    const archive = await exportLog(`?from_seq=1&to_seq=${to}`);
    const count = async () => Number((await runSql(stack, 'select count(*) as n from audit_event'))[0]?.['n']);
    const before = await count();
    for (const [toSeq, text, expected] of [
      [to, `${archive} `, '409 archive_mismatch'],
      [to - 1, archive, '409 archive_mismatch'],
      [100_000, archive, '409 range_not_prunable'],
    ] as const) {
      const refused = await prune(toSeq, text);
      expect(`${refused.status} ${refused.body.code}`).toBe(expected);
    }
    expect(await count()).toBeGreaterThanOrEqual(before);
    const pruned = await prune(to, archive);
    expect([pruned.status, pruned.body]).toEqual([200, { from_seq: 1, to_seq: to, count: to }]);
    const left = await list('&order=asc');
    expect(left[0]?.seq).toBe(to + 1);
    expect(left.find((event) => event.event_type === 'audit.pruned')).toMatchObject({
      data: {
        from_seq: 1,
        to_seq: to,
        count: to,
        archive_sha256: createHash('sha256').update(archive).digest('hex'),
      },
    });
    const again = await prune(to, archive);
    expect(`${again.status} ${again.body.code}`).toBe('409 range_not_prunable');
    for (const table of ['audit_event', 'audit_chain', 'audit_checkpoint']) {
      await expect(runSql(stack, `delete from ${table}`)).rejects.toThrow('append-only');
    }
    await expectToGoOn(to);
  });

  /** After pruning: the log is sealed, covered and exported from where it begins now, also by a Broker that starts. */
  async function expectToGoOn(prunedTo: number): Promise<void> {
    await stack.killBroker();
    await stack.startBroker();
    const keyId = await act();
    const events = await list('&order=asc');
    expect(JSON.stringify(events.at(-1))).toContain(keyId);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => prunedTo + 1 + index));
    const size = await waitForCheckpoint(events.at(-1)?.seq ?? 0);
    const lines = parse(await exportLog(`?from_seq=${prunedTo + 1}&to_seq=${size}`));
    expect(lines.find((line) => line.kind === 'sealed')).toMatchObject({ seq: prunedTo + 1 });
  }

  it('refuses auditors what changes something, and everybody else everything', async () => {
    const auditor = await createKey(stack, 'auditor');
    const routes = [
      ['GET', '/audit/checkpoints'],
      ['GET', '/audit/export?from_seq=1000000'],
      ['POST', '/admin/v1/audit/prune'],
    ] as const;
    const ask = async (key: string | null) =>
      Promise.all(
        routes.map(async ([method, path]) => {
          const body = method === 'POST' ? { to_seq: 1, archive_sha256: '0'.repeat(64) } : undefined;
          const headers = { 'Content-Type': 'application/json', ...(key === null ? {} : { 'X-API-Key': key }) };
          const answer = await fetch(stack.brokerUrl + path, {
            method,
            headers,
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          });
          await answer.body?.cancel();
          return answer.status;
        }),
      );
    expect(await ask(auditor.key)).toEqual([200, 200, 403]);
    expect(await ask(null)).toEqual([401, 401, 401]);
    for (const role of ['operator', 'app', 'gateway'] as const) {
      expect([role, await ask((await createKey(stack, role)).key)]).toEqual([role, [403, 403, 403]]);
    }
  });

  it('tells of a forged row and never seals it', async () => {
    await act();
    const forged = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    const now = new Date().toISOString();
    await runSql(
      stack,
      `insert into audit_event select ?, ?, event_type, outcome, actor_id, connection_ref, resource_id, agent_id,
        workspace_id, entry, mac_key, entry_hash, mac from audit_event where event_type = 'key.created' limit 1`,
      [forged, now],
    );
    const sealing = await waitFor('the row is refused', async () => {
      const { sealing } = (await stack.broker('GET', '/admin/v1/status')).body;
      return sealing.refused > 0 ? sealing : null;
    });
    expect(sealing.refused).toBe(1);
    await waitFor('the log names it', () => (stack.logs().includes(forged) ? true : null));
    await act();
    const events = await list('&order=asc');
    expect(events.length).toBeGreaterThan(3);
    expect(await runSql(stack, 'select seq from audit_chain where event_id = ?', [forged])).toEqual([]);
    expect((await list('')).find((event) => event.seq === null)?.event_type).toBe('key.created');
    const unsealed = parse(await exportLog()).filter((line) => line.kind === 'unsealed');
    expect(unsealed).toMatchObject([{ stored: { columns: { id: forged } } }]);
  });

  it('seals its last entry, signs a checkpoint over it and says so in table, log and file when it stops', async () => {
    await act();
    expect(await stack.stopBroker('SIGTERM')).toBe(0);
    const [log] = await runSql(
      stack,
      `select (select max(seq) from audit_chain) as sealed, (select max(size) from audit_checkpoint) as covered,
        (select c.seq from audit_chain c join audit_event e on e.id = c.event_id
          where e.event_type = 'service.stopped' order by c.seq desc limit 1) as stopped`,
    );
    expect(Number(log?.['covered'])).toBe(Number(log?.['sealed']));
    expect(Number(log?.['stopped'])).toBeGreaterThan(0);
    const [newest] = await runSql(stack, 'select size, note from audit_checkpoint order by size desc limit 1');
    const file = await readFile(join(stack.dataDir, 'checkpoints.log'), 'utf8');
    const records = file
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.at(-1)).toMatchObject({ size: Number(newest?.['size']), note: newest?.['note'] });
    expect(records.map(({ size }) => size)).toEqual(records.map(({ size }) => size).sort((a, b) => a - b));
    const logged = stack
      .logs()
      .split('\n')
      .filter((line) => line.includes('"audit.checkpoint"'))
      .map((line) => JSON.parse(line).note);
    expect(logged).toEqual(records.map(({ note }) => note));
    await stack.startBroker();
  });
});

function parse(text: string): ExportLine[] {
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ExportLine);
}

function checkNotes(
  lines: readonly ExportLine[],
  sealed: readonly SealedLine[],
  verifierKeys: readonly string[],
): void {
  const checkpoints = lines.filter((line): line is CheckpointLine => line.kind === 'checkpoint');
  expect(checkpoints.length).toBeGreaterThan(0);
  const key = decodeVerifierKey(verifierKeys[0] ?? '');
  let before: Uint8Array = new Uint8Array(32);
  for (const { size, note } of checkpoints) {
    const signed = readSignedNote(note);
    expect(signed?.checkpoint.size).toBe(size);
    expect(signed !== null && key !== null && isSignedBy(signed, key)).toBe(true);
    expect(Buffer.from(signed?.checkpoint.headHash ?? []).toString('hex')).toBe(sealed[size - 1]?.hash);
    expect(signed?.checkpoint.previousNoteHash).toEqual(before);
    expect(signed?.checkpoint.origin).toMatch(/^nexus\/[0-9a-f]{16}$/);
    before = new Uint8Array(hashNote(note));
  }
}
