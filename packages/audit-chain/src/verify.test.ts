import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { LogFixture } from './log-fixture.js';
import { createCheckpoint, createLink, createSigner, inPieces, renderExport, sealText } from './log-rows-fixture.js';
import { encodeVerifierKey, readSignedNote, writeCheckpointBody, writeSignedNote } from './signed-note.js';
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

describe('a log nobody touched', () => {
  it('verifies, whatever the pieces it comes in', async () => {
    for (const size of [1, 7, 1_000_000]) {
      const report = await verifyLog(inPieces(log.export(), size), options);
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
    const report = await verifyLog(inPieces(log.export()));
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

describe('an entry', () => {
  it('is the one that its line and its row name', async () => {
    const line = /"event_id":"([^"]+)"/.exec(log.export())?.[1] ?? '';
    for (const name of ['event_id', 'id']) {
      const renamed = log.export().replace(`"${name}":"${line}"`, `"${name}":"01J00000000000000000000000"`);
      expect(renamed).not.toBe(log.export());
      expect(codes(await verify(renamed))).toContainEqual([10, 1]);
    }
  });
});

describe('checkpoints', () => {
  const sign = (values: { size?: number; origin?: string }) => {
    const [first, last] = log.tables.checkpoints;
    const note = readSignedNote(last?.note ?? '');
    if (first === undefined || last === undefined || note === null) throw new Error('no checkpoint');
    const checkpoint = { ...note.checkpoint, ...values };
    const body = writeCheckpointBody(checkpoint);
    last.note = writeSignedNote(body, log.firstSigner, log.firstSigner.sign(body));
    last.size = checkpoint.size;
  };

  it('grow, whoever signs them', async () => {
    sign({ size: 6 });
    const report = await verify(log.export(), { externalCheckpoints: [] });
    expect(report.exitCode).toBe(12);
  });

  it('are of one log', async () => {
    sign({ origin: 'nexus/another' });
    expect(codes(await verify(log.export(), { externalCheckpoints: [] }))).toEqual([[12, 11]]);
  });

  it('kept elsewhere have true signatures, or the file they are in was changed', async () => {
    const [first = ''] = options.externalCheckpoints ?? [];
    const forged = first.replace(/\n6\n/, '\n7\n');
    expect(codes(await verify(log.export(), { externalCheckpoints: [forged] }))).toEqual([[12, 7]]);
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

  it('that are for something else are not', async () => {
    const stranger = createSigner('nexus-9', 'somebody else');
    const data = { key_id: '9', purpose: 'audit', public_key: encodeVerifierKey(stranger) };
    log.append({ event_type: 'vault.key_added', data });
    log.checkpoint();
    log.append({ event_type: 'auth.failed' });
    log.seal();
    log.tables.checkpoints.push(createCheckpoint(log.tables, stranger, log.now));
    expect(codes(await verify(log.export(), { externalCheckpoints: [] }))).toEqual([[12, 13]]);
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

describe('a rollback', () => {
  /** Signs two checkpoints that the log then goes back before, and accepts that with an entry. */
  function giveUp(size: number, abandonedSize: number): VerifyOptions {
    const { checkpoints, links, events } = structuredClone(log.tables);
    for (let n = 0; n < 2; n++) {
      log.append({ event_type: 'auth.failed' });
      log.checkpoint();
    }
    Object.assign(log.tables, { checkpoints, links, events });
    log.append({ event_type: 'auth.forbidden' });
    const data = { size, head: 'h', abandoned_size: abandonedSize, abandoned_head: 'h' };
    log.append({ event_type: 'backup.rollback_accepted', data });
    log.seal();
    return { externalCheckpoints: log.shipped.map(({ note }) => note) };
  }

  it('that a covered entry accepts is a notice', async () => {
    const given = giveUp(11, 13);
    expect(codes(await verify(log.export(), given))).toEqual([
      [13, 12],
      [13, 13],
    ]);
    log.checkpoint();
    const accepted = await verify(log.export(), given);
    expect(accepted).toMatchObject({ exitCode: 0, notices: [expect.stringContaining('accepted rollback')] });
  });

  it('gives up no more than it says', async () => {
    const given = giveUp(12, 12);
    log.checkpoint();
    expect(codes(await verify(log.export(), given))).toEqual([
      [13, 12],
      [13, 13],
    ]);
  });

  it('gives up nothing that is signed after it', async () => {
    giveUp(11, 14);
    log.checkpoint();
    log.append({ event_type: 'auth.failed' });
    log.checkpoint();
    log.tables.checkpoints.pop();
    const given = { externalCheckpoints: log.shipped.map(({ note }) => note) };
    expect(codes(await verify(log.export(), given))).toEqual([[13, 14]]);
  });
});
