import { beforeEach, describe, expect, it } from 'vitest';
import { LogFixture } from './log-fixture.js';
import { inPieces } from './log-rows-fixture.js';
import { type VerifyOptions, verifyLog } from './verify.js';

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

describe('what was pruned', () => {
  const archives = () => log.archives.map(({ name, text }) => ({ name, open: () => inPieces(text) }));

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

  it('may have named the keys of what stays', async () => {
    log.rotateKey(9);
    log.append({ event_type: 'auth.failed' });
    log.checkpoint();
    log.prune(12);
    log.checkpoint();
    expect(await verify(log.export(), { archives: archives() })).toMatchObject({ exitCode: 0 });
    for (const verifierKeys of [[log.firstSigner], []]) {
      expect(codes(await verify(log.export(), { verifierKeys }))).toEqual([[15, null]]);
    }
  });

  it('counts for nothing where an archive was changed', async () => {
    log.prune(3);
    log.checkpoint();
    const [archive] = log.archives;
    const text = archive?.text.replaceAll('success', 'refused') ?? '';
    const report = await verify(log.export(), { archives: [{ name: 'changed', open: () => inPieces(text) }] });
    expect(report).toMatchObject({ exitCode: 15, range: { first: 4, last: 12 }, entries: 9 });
  });

  it('is found among files that reach further', async () => {
    const further = log.exportRange(1, 11);
    log.prune(3);
    log.checkpoint();
    const given = [{ name: 'further', open: () => inPieces(further) }, ...archives()];
    expect(await verify(log.export(), { archives: given })).toMatchObject({ exitCode: 0 });
  });

  it('must be in the file that was written then, byte for byte', async () => {
    log.prune(3);
    log.checkpoint();
    const [archive] = log.archives;
    const text = archive?.text.replace('{"kind":"sealed"', '{ "kind":"sealed"') ?? '';
    const changed = [{ name: 'changed', open: () => inPieces(text) }];
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
    const past = [{ name: 'earlier', open: () => inPieces(earlier) }];
    const external = { externalCheckpoints: log.shipped.map(({ note }) => note) };
    expect(await verify(later, { ...external, archives: past })).toMatchObject({ exitCode: 0, checkpointed: 13 });
    expect(codes(await verify(later, external))).toEqual([[15, null]]);
    expect(await verify(earlier, external)).toMatchObject({ exitCode: 0, range: { first: 1, last: 11 } });
    const cut = later.replace('"to_seq":13', '"to_seq":14');
    expect(codes(await verify(cut, { ...external, archives: past }))).toEqual([[11, 13]]);
  });
});
