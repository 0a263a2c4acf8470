import { beforeEach, describe, expect, it } from 'vitest';
import { LogFixture } from './log-fixture.js';
import { inPieces, renderExport } from './log-rows-fixture.js';
import { type VerifyOptions, verifyLog } from './verify.js';
import type { StoredRow } from './verify-store.js';

async function* listed<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

let log: LogFixture;
let options: VerifyOptions;
const codes = (report: { problems: readonly { code: number; seq: number | null }[] }) =>
  report.problems.map(({ code, seq }) => [code, seq]);
const verify = (text: string, more: VerifyOptions = {}) => verifyLog(inPieces(text), { ...options, ...more });

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

  it('is what the highest version of a row was, whatever was logged after it', async () => {
    const { version, sha256: late } = log.store.get('connection\nc1') ?? { version: 0, sha256: '' };
    log.appendWrite('connection', 'c1', 'second');
    const rows = [{ row: 'c1', version, blob_sha256: late }];
    log.append({ event_type: 'vault.resealed', data: { table: 'connection', rows } });
    log.checkpoint();
    const store = { blobs: () => listed(blob('c1', sha256('c1')), blob('c2', sha256('c2'))) };
    expect(await verify(log.export(), { ...external(), store })).toMatchObject({ exitCode: 0 });
  });

  it('may lack the token of a session, and nothing else', async () => {
    log.appendWrite('agent_session', 's1', 'token');
    log.checkpoint();
    const store = { blobs: () => listed(blob('c1', sha256('c1')), blob('c2', sha256('c2'))) };
    expect(await verify(log.export(), { ...external(), store })).toMatchObject({ exitCode: 0 });
    const less = { blobs: () => listed(blob('c1', sha256('c1'))) };
    expect(codes(await verify(log.export(), { ...external(), store: less }))).toEqual([[14, null]]);
  });

  it('may hold what an unsealed entry saw only for whoever checks its mac', async () => {
    log.appendWrite('connection', 'c1', 'just now');
    const store = { blobs: () => listed(blob('c1', sha256('c1')), blob('c2', sha256('c2'))) };
    expect(codes(await verify(log.export(), { ...external(), store }))).toEqual([[14, null]]);
    const genuine = { ...external(), store, checkMac: () => true };
    expect(await verify(log.export(), genuine)).toMatchObject({ exitCode: 0, unsealed: 1 });
    const ofOthers = { ...genuine, checkMac: () => false };
    expect(codes(await verify(log.export(), ofOthers))).toContainEqual([14, null]);
  });

  it('at work is read again with what was sealed since', async () => {
    const text = log.export();
    log.appendWrite('connection', 'c1', 'meanwhile');
    const blobs = () => listed(blob('c1', sha256('c1')), blob('c2', sha256('c2')));
    const asked: unknown[] = [];
    const again = async (rows: readonly StoredRow[], fromSeq: number) => {
      asked.push([rows, fromSeq]);
      const held = blob('c1', sha256('c1'));
      // Sealed at the second look only, and by then the row holds something else again.
      if (asked.length === 2) log.appendWrite('connection', 'c1', 'and again');
      if (asked.length === 2) log.seal();
      const lines = renderExport(log.tables, { from: fromSeq, to: null, exportedAt: log.now });
      return { blobs: [held], lines: inPieces(lines) };
    };
    expect(await verify(text, { ...external(), store: { blobs, again } })).toMatchObject({ exitCode: 0, unsealed: 0 });
    expect(asked).toMatchObject([
      [[{ table: 'connection', row: 'c1' }], 14],
      [[{ table: 'connection', row: 'c1' }], 14],
    ]);
  });

  it('K3: at work does not hold what only an entry without a link says', async () => {
    const row = { table: 'connection', row: 'c1' };
    const forged = { ...row, version: 1e9, blob_sha256: 'e'.repeat(64) };
    log.append({ event_type: 'token.refreshed', connection_ref: 'c1', data: {}, store: forged });
    const held = [blob('c1', 'e'.repeat(64)), blob('c2', sha256('c2'))];
    const again = async (_rows: unknown, fromSeq: number) => ({
      blobs: held,
      lines: inPieces(renderExport(log.tables, { from: fromSeq, to: null, exportedAt: log.now })),
    });
    const store = { blobs: () => listed(...held), again };
    expect(codes(await verify(log.export(), { ...external(), store }))).toEqual([[14, null]]);
  });

  it('at work is compared with what became of unsealed entries', async () => {
    log.appendWrite('connection', 'c1', 'not sealed yet');
    const text = log.export();
    log.appendResealed('connection', ['c1'], 'resealed');
    log.seal();
    const blobs = () => listed(blob('c1', sha256('c1')), blob('c2', sha256('c2')));
    const again = async (_rows: unknown, fromSeq: number) => ({
      blobs: [blob('c1', sha256('c1'))],
      lines: inPieces(renderExport(log.tables, { from: fromSeq, to: null, exportedAt: log.now })),
    });
    expect(await verify(text, { ...external(), store: { blobs, again }, checkMac: () => true })).toMatchObject({
      exitCode: 0,
    });
  });

  it('that never comes to hold what the log says is found in the end', async () => {
    const again = async (_rows: unknown, fromSeq: number) => ({
      blobs: [blob('c1', 'f'.repeat(64))],
      lines: inPieces(renderExport(log.tables, { from: fromSeq, to: null, exportedAt: log.now })),
    });
    const store = { blobs: () => listed(blob('c1', 'f'.repeat(64)), blob('c2', sha256('c2'))), again };
    expect(codes(await verify(log.export(), { ...external(), store }))).toEqual([[14, null]]);
  });
});
