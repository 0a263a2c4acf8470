/**
 * `npm run verify-speed`: how long the verifier takes for a large export, beside the floor of the same run, which is one
 * SHA-256 over the same bytes. Floor and verifier alternate.
 *
 *   --entries N   size of the log (default 1000000)
 *   --runs N      rounds (default 3)
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, install } from '../../packages/repo-tools/bin/ensure.mjs';

const { values } = parseArgs({ options: { entries: { type: 'string' }, runs: { type: 'string' } } });
const entries = readCount(values.entries, 1_000_000);
const runs = readCount(values.runs, 3);

await install();
await build();
// What follows needs the packages, so it is loaded once they are there.
const { writeLine, exportFormat } = await import('@nexus/audit-chain/export-format');
const { createCheckpoint, createLink, createSigner, createStored } = await import(
  '@nexus/audit-chain/log-rows-fixture'
);
const { verifyLog } = await import('@nexus/audit-chain/verify');

const pieceBytes = 1024 * 1024;
const entriesOfCheckpoint = 6_000;
const signer = createSigner('nexus-5', 'speed');
const scratch = await mkdtemp(join(tmpdir(), 'nexus-verify-speed-'));
try {
  const file = join(scratch, 'export.ndjson');
  await writeLog(file);
  const { size } = await stat(file);
  console.log(`${entries} entries, ${(size / 1e6).toFixed(0)} MB, ${(size / entries).toFixed(0)} bytes for each`);
  for (let run = 1; run <= runs; run++) {
    const floor = await measure(() => hashFile(file));
    const verifier = await measure(() => verifyFile(file));
    const rate = (entries / verifier.seconds).toFixed(0);
    console.log(
      `run ${run}: verifier ${show(verifier)}, ${rate} entries/s; SHA-256 of the file ${show(floor)}; ` +
        `${(verifier.seconds / floor.seconds).toFixed(1)} times the floor; ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB resident`,
    );
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** A log of token reads, as most entries are. */
async function writeLog(path) {
  const out = createWriteStream(path);
  const rows = [];
  let previous = null;
  let text = writeLine({ kind: 'header', format: exportFormat, from_seq: null, to_seq: null });
  for (let n = 1; n <= entries; n++) {
    const stored = createStored(describeRead(n), 'speed');
    previous = createLink(previous, stored);
    text += writeLine({ kind: 'sealed', ...previous, stored });
    if (n % entriesOfCheckpoint === 0 || n === entries) {
      const tables = { events: [], links: [previous], checkpoints: rows };
      rows.push(createCheckpoint(tables, signer, stored.columns.created_at));
    }
    if (text.length < pieceBytes) continue;
    if (!out.write(text)) await once(out, 'drain');
    text = '';
  }
  const checkpoints = rows.map((row) => writeLine({ kind: 'checkpoint', ...row })).join('');
  const lines = 1 + entries + rows.length;
  out.end(text + checkpoints + writeLine({ kind: 'end', lines, exported_at: '2026-12-31T00:00:00.000Z' }));
  await once(out, 'finish');
}

function describeRead(n) {
  const ref = `01K${String(n % 1_000).padStart(23, '0')}`;
  return {
    id: `01J${String(n).padStart(23, '0')}`,
    created_at: new Date(Date.UTC(2026, 0, 1) + n * 20).toISOString(),
    event_type: 'token.retrieved',
    user_agent: 'python-requests/2.32.3',
    connection_ref: ref,
    agent_id: `agent-${n % 50}`,
    provider_name: 'github',
    workspace_id: `workspace-${n % 100}`,
    data: { expires_at: '2026-11-22T19:00:00.000Z', route: 'get-token', scopes: ['repo', 'user'], version: 3 },
  };
}

async function hashFile(path) {
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: pieceBytes })) sum.update(chunk);
  return sum.digest('hex');
}

async function verifyFile(path) {
  const chunks = createReadStream(path, { highWaterMark: pieceBytes });
  const report = await verifyLog(chunks, { verifierKeys: [signer] });
  if (report.exitCode !== 0 || report.entries !== entries) throw new Error(JSON.stringify(report));
}

/** Wall clock and processor time. */
async function measure(work) {
  const [startedAt, usage] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(usage);
  return { seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (user + system) / 1e6 };
}

function show({ seconds, cpuSeconds }) {
  return `${seconds.toFixed(2)} s (${cpuSeconds.toFixed(2)} s of processor time)`;
}

function readCount(text, fallback) {
  const count = Number(text ?? fallback);
  if (!Number.isInteger(count) || count < 1) throw new Error('--entries and --runs take a whole number from 1');
  return count;
}
