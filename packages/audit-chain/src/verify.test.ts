import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { LogFixture } from './log-fixture.js';
import { createLink, createSigner, renderExport, sealText } from './log-rows-fixture.js';
import { type VerifyOptions, verifyLog } from './verify.js';
import type { StoredRow } from './verify-store.js';

async function* pieces(text: string, size = 333): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function* listed<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

let log: LogFixture;
let options: VerifyOptions;
const codes = (report: { problems: readonly { code: number; seq: number | null }[] }) =>
  report.problems.map(({ code, seq }) => [code, seq]);
const verify = (text: string, more: VerifyOptions = {}) => verifyLog(pieces(text), { ...options, ...more });

beforeEach(() => {
  log = new LogFixture();
  for (let n = 0; n < 5; n++) log.append({ event_type: 'token.retrieved', data: { version: n } });
  log.checkpoint();
  for (let n = 0; n < 5; n++) log.append({ event_type: 'token.retrieved', data: { version: n } });
  log.checkpoint();
  options = {
    verifierKeys: [log.firstSigner],
    externalCheckpoints: log.shipped.map(({ note }) => note),
  };
});

describe('a log nobody touched', () => {
  it('verifies, whatever the pieces it comes in', async () => {
    for (const size of [1, 7, 1_000_000]) {
      const report = await verifyLog(pieces(log.export(), size), options);
      expect(report).toMatchObject({ exitCode: 0, problems: [], problemCount: 0, entries: 11, checkpoints: 2 });
      expect(report).toMatchObject({ range: { first: 1, last: 11 }, checkpointed: 11, unsealed: 0, notices: [] });
    }
  });

  it('verifies while it is empty', async () => {
    const tables = { events: [], links: [], checkpoints: [] };
    const text = renderExport(tables, { from: null, to: null, exportedAt: log.now });
    expect(await verify(text, { externalCheckpoints: [] })).toMatchObject({ exitCode: 0, range: null });
  });

  it('verifies by the key that the log names, with a notice', async () => {
    const report = await verifyLog(pieces(log.export()));
    expect(report).toMatchObject({ exitCode: 0, checkpointed: 11 });
    expect(report.notices).toEqual([expect.stringContaining('no key was given')]);
  });

  it('says what is not covered yet', async () => {
    log.append({ event_type: 'auth.failed' });
    log.seal();
    log.append({ event_type: 'auth.failed' });
    expect(await verify(log.export())).toMatchObject({ exitCode: 0, checkpointed: 11, unsealed: 1, entries: 12 });
  });

  it('counts the entries of a period and verifies them all', async () => {
    const [third, fifth] = [log.tables.events[2], log.tables.events[4]].map((event) => event?.columns.created_at ?? '');
    const period = { since: third ?? '', until: fifth ?? '' };
    const counted = await verify(log.export(), { period });
    expect(counted).toMatchObject({ entries: 11, period: { entries: 2, first_seq: 3, last_seq: 4 } });
    const empty = await verify(log.export(), { period: { since: log.now, until: null } });
    expect(empty.period).toEqual({ entries: 0, first_seq: null, last_seq: null });
  });
});

describe('macs', () => {
  const checkMac: NonNullable<VerifyOptions['checkMac']> = (entryHash, mac, macKey) =>
    macKey === 4 && Buffer.from(mac).equals(createHmac('sha256', 'a log').update(entryHash).digest());

  it('are checked for whoever has the keys', async () => {
    expect(await verify(log.export(), { checkMac })).toMatchObject({ exitCode: 0 });
    const forged = sealText(log.append({ event_type: 'auth.failed' }).entry, 'not the audit key');
    log.tables.events[log.tables.events.length - 1] = forged;
    expect(await verify(log.export())).toMatchObject({ exitCode: 0, unsealed: 1 });
    expect(await verify(log.export(), { checkMac })).toMatchObject({ exitCode: 10 });
    log.tables.links.push(createLink(log.tables.links.at(-1) ?? null, forged));
    expect(codes(await verify(log.export(), { checkMac }))).toEqual([[10, 12]]);
  });
});

describe('keys', () => {
  it('that a covered entry names are trusted from there on', async () => {
    log.rotateKey(9);
    log.append({ event_type: 'auth.failed' });
    log.checkpoint();
    const report = await verify(log.export(), { externalCheckpoints: [] });
    expect(report).toMatchObject({ exitCode: 0, checkpointed: 13 });
    expect(report.verifierKeys.map((key) => key.split('+')[0])).toEqual(['nexus-5', 'nexus-9']);
    // Without the first key, which vouches for the second, nothing does.
    const stranger = createSigner('nexus-5', 'somebody else');
    const distrusted = await verify(log.export(), { verifierKeys: [stranger], externalCheckpoints: [] });
    const sizes = log.tables.checkpoints.map(({ size }) => size);
    expect(codes(distrusted)).toEqual(sizes.map((size) => [12, size]));
  });

  it('that an uncovered entry names are not', async () => {
    log.append({ event_type: 'auth.failed' });
    log.rotateKey(9);
    log.append({ event_type: 'auth.failed' });
    log.checkpoint();
    log.tables.checkpoints.splice(2, 1);
    expect(codes(await verify(log.export(), { externalCheckpoints: [] }))).toEqual([
      [12, 14],
      [12, 14],
    ]);
  });
});

describe('what was pruned', () => {
  const archives = () => log.archives.map(({ name, text }) => ({ name, open: () => pieces(text) }));

  it('A13: verifies over the gap with the archives and not without', async () => {
    log.prune(3);
    log.checkpoint();
    log.rotateKey(9);
    log.prune(8);
    log.checkpoint();
    const report = await verify(log.export(), { archives: archives() });
    expect(report).toMatchObject({ exitCode: 0, entries: 14, range: { first: 1, last: 14 }, checkpointed: 14 });
    expect(codes(await verify(log.export()))).toEqual([[15, null]]);
    for (const given of [archives().slice(1), archives().slice(0, 1)]) {
      expect((await verify(log.export(), { archives: given })).exitCode).toBe(15);
    }
  });

  it('must be in the file that was written then, byte for byte', async () => {
    log.prune(3);
    log.checkpoint();
    const [archive] = log.archives;
    const text = archive?.text.replace('{"kind":"sealed"', '{ "kind":"sealed"') ?? '';
    const changed = [{ name: 'changed', open: () => pieces(text) }];
    expect(codes(await verify(log.export(), { archives: changed }))).toEqual([[15, null]]);
  });

  it('must be recorded', async () => {
    log.prune(3);
    log.checkpoint();
    // Up to the last checkpoint before it, the log says nothing of it.
    const links = log.tables.links.filter(({ seq }) => seq <= 11);
    const events = log.tables.events.filter(({ columns: { id } }) => links.some((link) => link.event_id === id));
    const text = log.export({ events, links, checkpoints: log.tables.checkpoints.slice(0, 2) });
    expect(codes(await verify(text, { archives: archives(), externalCheckpoints: [] }))).toEqual([[15, null]]);
  });

  it('may be what precedes a range that was asked for, pruned or not', async () => {
    log.rotateKey(9);
    log.append({ event_type: 'auth.failed' });
    log.checkpoint();
    const [earlier, later] = [log.exportRange(1, 11), log.exportRange(12, 13)];
    const past = [{ name: 'earlier', open: () => pieces(earlier) }];
    const external = { externalCheckpoints: log.shipped.map(({ note }) => note) };
    expect(await verify(later, { ...external, archives: past })).toMatchObject({ exitCode: 0, checkpointed: 13 });
    expect(codes(await verify(later, external))).toEqual([[15, null]]);
    expect(await verify(earlier, external)).toMatchObject({ exitCode: 0, range: { first: 1, last: 11 } });
    const cut = later.replace('"to_seq":13', '"to_seq":14');
    expect(codes(await verify(cut, { ...external, archives: past }))).toEqual([[11, 13]]);
  });
});

describe('a rollback', () => {
  it('that a covered entry accepts is a notice, and only as far as it says', async () => {
    const { checkpoints, links, events } = structuredClone(log.tables);
    log.append({ event_type: 'auth.failed' });
    log.checkpoint();
    const given = { externalCheckpoints: log.shipped.map(({ note }) => note) };
    Object.assign(log.tables, { checkpoints, links, events });
    log.append({ event_type: 'auth.forbidden' });
    const data = { size: 11, head: 'h', abandoned_size: 12, abandoned_head: 'h' };
    log.append({ event_type: 'backup.rollback_accepted', data });
    log.seal();
    expect(codes(await verify(log.export(), given))).toEqual([[13, 12]]);
    log.checkpoint();
    const accepted = await verify(log.export(), given);
    expect(accepted).toMatchObject({ exitCode: 0, notices: [expect.stringContaining('accepted rollback')] });
  });

  it('excuses nothing that was signed after it was accepted', async () => {
    const data = { size: 11, head: 'h', abandoned_size: 20, abandoned_head: 'h' };
    log.append({ event_type: 'backup.rollback_accepted', data });
    log.checkpoint();
    const justAccepted = structuredClone(log.tables);
    log.append({ event_type: 'auth.failed' });
    log.checkpoint();
    const given = { externalCheckpoints: log.shipped.map(({ note }) => note) };
    expect(await verify(log.export(), given)).toMatchObject({ exitCode: 0 });
    Object.assign(log.tables, justAccepted);
    expect(codes(await verify(log.export(), given))).toEqual([[13, 13]]);
  });
});

describe('the store', () => {
  const blob = (row: string, sha256: string) => ({ table: 'connection', row, blob_sha256: sha256 });
  const sha256 = (row: string) => log.store.get(`connection\n${row}`)?.sha256 ?? '';
  beforeEach(() => {
    log.appendWrite('connection', 'c1', 'first');
    log.appendWrite('connection', 'c2', 'first');
    log.checkpoint();
  });
  const external = () => ({ externalCheckpoints: log.shipped.map(({ note }) => note) });

  it('K3: that holds an older value is found', async () => {
    const old = blob('c1', sha256('c1'));
    log.appendWrite('connection', 'c1', 'second');
    log.checkpoint();
    const now = [blob('c1', sha256('c1')), blob('c2', sha256('c2'))];
    const good = await verify(log.export(), { ...external(), store: { blobs: () => listed(...now) } });
    expect(good).toMatchObject({ exitCode: 0, stored: 2 });
    const restored = { blobs: () => listed(old, blob('c2', sha256('c2'))) };
    const report = await verify(log.export(), { ...external(), store: restored });
    expect(report.problems).toEqual([{ code: 14, seq: null, message: expect.stringContaining('connection c1') }]);
  });

  it('is as re-sealing left it', async () => {
    log.appendResealed('connection', ['c1', 'c2'], 'resealed');
    log.checkpoint();
    const store = { blobs: () => listed(blob('c1', sha256('c1')), blob('c2', sha256('c2'))) };
    expect(await verify(log.export(), { ...external(), store })).toMatchObject({ exitCode: 0 });
  });

  it('may hold what an unsealed entry saw', async () => {
    log.appendWrite('connection', 'c1', 'just now');
    const store = { blobs: () => listed(blob('c1', sha256('c1')), blob('c2', sha256('c2'))) };
    expect(await verify(log.export(), { ...external(), store })).toMatchObject({ exitCode: 0, unsealed: 1 });
  });

  it('at work is read again with what was logged since', async () => {
    const text = log.export();
    log.appendWrite('connection', 'c1', 'meanwhile');
    const blobs = () => listed(blob('c1', sha256('c1')), blob('c2', sha256('c2')));
    const asked: unknown[] = [];
    const again = async (rows: readonly StoredRow[], fromSeq: number) => {
      asked.push([rows, fromSeq]);
      // Sealed at the second look only; unsealed it was there at the first.
      log.appendWrite('connection', 'c1', 'and again');
      if (asked.length === 2) log.seal();
      const lines = renderExport(log.tables, { from: fromSeq, to: null, exportedAt: log.now });
      return { blobs: [blob('c1', asked.length === 2 ? sha256('c1') : 'f'.repeat(64))], lines: pieces(lines) };
    };
    expect(await verify(text, { ...external(), store: { blobs, again } })).toMatchObject({ exitCode: 0, unsealed: 0 });
    expect(asked).toMatchObject([
      [[{ table: 'connection', row: 'c1' }], 14],
      [[{ table: 'connection', row: 'c1' }], 14],
    ]);
  });

  it('that never comes to hold what the log says is found in the end', async () => {
    const again = async (_rows: unknown, fromSeq: number) => ({
      blobs: [blob('c1', 'f'.repeat(64))],
      lines: pieces(renderExport(log.tables, { from: fromSeq, to: null, exportedAt: log.now })),
    });
    const store = { blobs: () => listed(blob('c1', 'f'.repeat(64)), blob('c2', sha256('c2'))), again };
    expect(codes(await verify(log.export(), { ...external(), store }))).toEqual([[14, null]]);
  });
});
