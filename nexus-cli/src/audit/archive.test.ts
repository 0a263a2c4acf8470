import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { LogFixture } from '@nexus/audit-chain/log-fixture';
import { renderExport } from '@nexus/audit-chain/log-rows-fixture';
import { verifyLog } from '@nexus/audit-chain/verify';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Io } from '../command.js';
import { runCommand } from '../run-command.js';
import { auditArchive } from './archive.js';

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

/** Answers for a log as a Broker does, and takes a range only with the hash of its export. */
function serve(log: LogFixture, refusesAfter: number): Server {
  let changes = 0;
  const prune = (body: { to_seq: number; archive_sha256: string }) => {
    const from = log.tables.links[0]?.seq ?? 0;
    changes += 1;
    if (changes > refusesAfter || body.to_seq - from >= 10_000) return null;
    log.prune(body.to_seq);
    const { to_seq, count, archive_sha256 } = JSON.parse(log.tables.events.at(-1)?.entry ?? '').data;
    log.checkpoint();
    return archive_sha256 === body.archive_sha256 ? { from_seq: from, to_seq, count } : null;
  };
  return createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://broker');
    const numberOf = (name: string) => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : null);
    const [from, to] = [numberOf('from_seq'), numberOf('to_seq')];
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    request.on('end', () => {
      if (request.method === 'POST') {
        const pruned = prune(JSON.parse(text));
        response.statusCode = pruned === null ? 409 : 200;
        response.end(JSON.stringify(pruned ?? { code: 'range_not_prunable', message: 'no' }));
      } else if (url.pathname === '/audit') {
        response.end(JSON.stringify({ events: [{ seq: log.tables.links[0]?.seq }], limit: 1 }));
      } else response.end(renderExport(log.tables, { from, to, exportedAt: to === null ? log.now : null }));
    });
  });
}

let folder = '';
let log: LogFixture;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-archive-'));
  log = new LogFixture();
  for (let n = 0; n < 20_100; n++) log.append({ event_type: 'token.retrieved' });
  log.checkpoint();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function archive(toSeq: number, refusesAfter = Number.POSITIVE_INFINITY): Promise<readonly [unknown, string]> {
  const server = serve(log, refusesAfter);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stdout = new PassThrough();
  const io: Io = {
    env: { NEXUS_BROKER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, NEXUS_API_KEY: 'nxa_test' },
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough().resume(),
  };
  try {
    const run = runCommand(auditArchive, ['--to', folder, '--to-seq', String(toSeq), '--yes'], io);
    const code = await run.catch((error) => error);
    return [code, stdout.read()?.toString('utf8') ?? ''];
  } finally {
    server.close();
  }
}

const names = ['audit-1-10000.ndjson', 'audit-10001-20000.ndjson', 'audit-20001-20050.ndjson'];
const verifyOver = () =>
  verifyLog(once(log.export()), {
    verifierKeys: [log.firstSigner],
    archives: names.map((name) => ({
      name,
      async *open() {
        yield await readFile(join(folder, name));
      },
    })),
  });

it('A13: what is more than the Broker removes at once goes in several archives, one after the other', {
  timeout: 60_000,
}, async () => {
  expect(await archive(20_050)).toEqual([
    0,
    expect.stringMatching(/^removed 10000 .*1 to 10000;.*\nremoved 10000 .*\nremoved 50 entries, 20001 to 20050;.*\n$/),
  ]);
  expect((await readdir(folder)).sort()).toEqual(names);
  expect(await verifyOver()).toMatchObject({ exitCode: 0, range: { first: 1, last: 20_104 } });
});

it('A13: a run that was cut off is finished by the same command', { timeout: 60_000 }, async () => {
  const [refused, removed] = await archive(20_050, 1);
  expect(refused).toMatchObject({ exitCode: 1, message: expect.stringContaining('range_not_prunable') });
  expect(removed).toMatch(/^removed 10000 entries, 1 to 10000; [^\n]*\n$/);
  expect(await archive(20_050)).toEqual([0, expect.stringMatching(/^removed 10000 [^\n]*\nremoved 50 [^\n]*\n$/)]);
  expect((await readdir(folder)).sort()).toEqual(names);
  expect(await verifyOver()).toMatchObject({ exitCode: 0, range: { first: 1, last: 20_104 } });
});
