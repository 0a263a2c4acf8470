/** A2 and K3 of the threat model: files on which two verifiers could come to two verdicts, and must not. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogFixture } from '@nexus/audit-chain/log-fixture';
import { createStored, sealText } from '@nexus/audit-chain/log-rows-fixture';
import { encodeVerifierKey } from '@nexus/audit-chain/signed-note';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LogFiles, writeLogFiles } from '../support/log-tampering/file-manipulations.js';
import { verifyFiles, verifyWithPython } from '../support/log-tampering/verifiers.js';

const script = fileURLToPath(new URL('../../docs/audit/verify.py', import.meta.url));
/** More digits than Python takes for an int. */
const hugeNumber = `1${'0'.repeat(5_000)}`;
const otherSha256 = 'e'.repeat(64);

let folder = '';
let runs = 0;
let log: LogFixture;
let files: LogFiles;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-verifiers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(() => {
  log = new LogFixture();
  log.appendWrite('connection', 'c1', 'first');
  log.appendWrite('provider', 'p1', 'first');
  log.checkpoint();
  files = writeLogFiles(log);
});

/** The codes of both verifiers. */
async function verify(given: LogFiles = files): Promise<readonly number[]> {
  const key = encodeVerifierKey(log.firstSigner);
  runs += 1;
  const [code = -1] = await verifyWithPython([{ files: given, verifierKey: key }], join(folder, String(runs)));
  return [(await verifyFiles(given, key)).exitCode, code];
}

/** An entry that anybody can put into the table who may write to it. */
function forge(store: { table: string; row: string; blob_sha256: string | null }): void {
  const fields = { event_type: 'provider.updated', store: { ...store, version: 1e9 } };
  const id = '01J0000000000000000FORGED';
  log.tables.events.push(createStored({ id, created_at: log.now, ...fields }, 'not the audit key'));
}

describe('K3: an entry without a link', () => {
  it('excuses no value that was put back', async () => {
    files.store = files.store.replace(/[0-9a-f]{64}/, otherSha256);
    expect(await verify()).toEqual([14, 14]);
    forge({ table: 'connection', row: 'c1', blob_sha256: otherSha256 });
    expect(await verify({ ...files, export: log.export() })).toEqual([14, 14]);
  });

  it('excuses no value that was taken away or put in', async () => {
    forge({ table: 'connection', row: 'c1', blob_sha256: null });
    const store = files.store.split('\n').slice(1).join('\n');
    expect(await verify({ ...files, store, export: log.export() })).toEqual([14, 14]);
    forge({ table: 'connection', row: 'c9', blob_sha256: otherSha256 });
    const more = `${files.store}${JSON.stringify({ table: 'connection', row: 'c9', blob_sha256: otherSha256 })}\n`;
    expect(await verify({ ...files, store: more, export: log.export() })).toEqual([14, 14]);
  });

  it('accuses no value that the sealed log knows', async () => {
    forge({ table: 'connection', row: 'c1', blob_sha256: otherSha256 });
    expect(await verify({ ...files, export: log.export() })).toEqual([0, 0]);
  });
});

describe('A4: a checkpoint key that was replaced', () => {
  /** An entry that is sealed so many seconds after the last, and a checkpoint over it. */
  const checkpoint = (seconds: number, signer?: typeof log.firstSigner) => {
    log.pass(seconds);
    log.append({ event_type: 'auth.failed' });
    log.checkpoint(signer);
  };
  const verifyNow = () => verify(writeLogFiles(log));

  it('signs on until a newer one does, and for the moment in which Brokers take that over', async () => {
    log.rotateKey(9);
    checkpoint(400, log.firstSigner);
    checkpoint(1);
    checkpoint(1, log.firstSigner);
    checkpoint(100, log.firstSigner);
    checkpoint(400);
    log.rotateKey(10);
    checkpoint(1);
    expect(await verifyNow()).toEqual([0, 0]);
  });

  it('signs nothing after that', async () => {
    log.rotateKey(9);
    checkpoint(1);
    checkpoint(150, log.firstSigner);
    expect(await verifyNow()).toEqual([12, 12]);
  });

  it('signs nothing that claims an earlier time', async () => {
    log.rotateKey(9);
    checkpoint(1);
    checkpoint(400);
    log.pass(-300);
    checkpoint(0, log.firstSigner);
    expect(await verifyNow()).toEqual([12, 12]);
  });

  it('gains nothing from a third', async () => {
    log.rotateKey(9);
    checkpoint(1);
    log.pass(400);
    log.rotateKey(10);
    checkpoint(1);
    checkpoint(1, log.firstSigner);
    expect(await verifyNow()).toEqual([12, 12]);
  });
});

describe('a number', () => {
  it.each([
    ['"seq":2,', '"seq":2.0,'],
    ['"seq":2,', '"seq":0.2e1,'],
    ['"lines":5', '"lines":50E-1'],
    ['"size":3,"created_at"', '"size":3.0,"created_at"'],
    ['"mac_key":4', '"mac_key":4.00'],
  ])('%s may be written as %s', async (from, to) => {
    expect(files.export).toContain(from);
    expect(await verify({ ...files, export: files.export.replace(from, to) })).toEqual([0, 0]);
  });

  const unfit = { huge: hugeNumber, infinite: '1e400', inexact: '9007199254740992', broken: '2.5' };
  it.each(Object.entries({ ...unfit, none: 'NaN', padded: '02', unfinished: '2.', other: 'true' }))(
    'that is %s is none for a link',
    async (_what, text) => {
      const unreadable = files.export.replace('"seq":2,', `"seq":${text},`);
      expect(await verify({ ...files, export: unreadable })).toEqual([3, 3]);
    },
  );

  it.each([
    ['two', '"v":2', '"v":2.0'],
    ['huge', '"data":{}', `"data":{"n":${hugeNumber}}`],
    ['infinite', '"data":{}', '"data":{"n":-1e999}'],
  ])('of an entry may be %s', async (_what, from, to) => {
    const { entry } = log.append({ event_type: 'auth.failed' });
    expect(entry).toContain(from);
    log.tables.events[log.tables.events.length - 1] = sealText(entry.replace(from, to), 'a log');
    log.checkpoint();
    expect(await verify(writeLogFiles(log))).toEqual([0, 0]);
  });
});

describe('a time', () => {
  const times = [
    '2026-01-01T24:00:00.000Z',
    '2026-02-29T00:00:00.000Z',
    '2026-01-01T00:00:60.000Z',
    '0000-01-01T00:00:00.000Z',
    '2026-01-01T00:00:00Z',
  ];
  it.each(times)('%s is none of an export', async (text) => {
    const unreadable = files.export.replace(/"exported_at":"[^"]*"/, `"exported_at":"${text}"`);
    expect(await verify({ ...files, export: unreadable })).toEqual([3, 3]);
  });

  it.each(times)('%s is none of an entry that waits to be sealed', async (text) => {
    const id = '01J0000000000000000WAITING';
    log.tables.events.push(createStored({ id, created_at: text, event_type: 'auth.failed' }, 'a log'));
    expect(await verify({ ...files, export: log.export() })).toEqual([11, 11]);
  });

  it.each(['0001-01-01T00:01:00.000Z', '9999-12-31T23:59:00.000Z'])('may be %s', async (text) => {
    const id = '01J0000000000000000WAITING';
    log.tables.events.push(createStored({ id, created_at: text, event_type: 'auth.failed' }, 'a log'));
    const exported = log.export().replace(/"exported_at":"[^"]*"/, `"exported_at":"${text}"`);
    expect(await verify({ ...files, export: exported })).toEqual([0, 0]);
  });
});

describe('verify.py', () => {
  it('prints nothing of the log that moves a cursor, in any locale', async () => {
    const id = '01J\u001b[2J\u202e\u{1F511}';
    log.tables.events.push(createStored({ id, created_at: 'never', event_type: 'auth.failed' }, 'a log'));
    const path = join(folder, 'printed');
    await writeFile(path, log.export());
    const env = { PATH: process.env['PATH'] ?? '', PYTHONIOENCODING: 'ascii', PYTHONUTF8: '0' };
    const { status, stdout } = spawnSync('python3', [script, path], { encoding: 'utf8', env });
    expect([status, stdout]).toEqual([11, expect.stringContaining('entry 01J\\ufffd[2J\\ufffd\\U0001f511 was never')]);
  });
});
