/** Moves the oldest entries of the log into files: all written and verified first, and only then removed. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyLog } from '@nexus/audit-chain/verify';
import type { AuditPage, Pruned } from '@nexus/broker-api/audit';
import { type Api, openBroker } from '../broker.js';
import { type CommandContext, CommandError, defineCommand, exits, usageError } from '../command.js';
import { describeFileError, hashChunks, hashFile, writeWhole } from '../files.js';
import { print } from '../print.js';
import { describeReport } from './describe-report.js';
import { inputOptions, readInputs } from './verify-inputs.js';
import { wholeExport } from './whole-export.js';

/** The Broker removes no more than this at once, since nothing can be recorded meanwhile. */
const maxEntries = 10_000;

interface Range {
  readonly from: number;
  readonly to: number;
}

interface ArchiveFile {
  readonly to: number;
  readonly path: string;
  readonly sha256: string;
}

export const auditArchive = defineCommand({
  options: {
    to: {
      kind: 'text',
      value: 'FOLDER',
      required: true,
      help: 'where earlier archives are, and the new ones are written to',
    },
    'to-seq': { kind: 'count', help: 'the last entry to go' },
    before: { kind: 'time', help: 'entries made before this time go' },
    yes: { kind: 'flag', help: 'without it nothing is done: the entries leave the database' },
    ...inputOptions,
  },
  args: {},
  description: [
    `Each file holds at most ${maxEntries.toLocaleString('en')} entries, the next one goes on where it ends, and there are as many as it takes. All are written and synced, and the log is verified over them, from the first archive in the folder to the newest entry; only then are the entries removed, one file after the other, with an entry in the log for each. What a run that was cut off did not remove is removed by the same command again. The log cannot be verified without the files any more: back them up.`,
    'Where the log does not verify, nothing is removed, and the exit code is that of audit verify.',
  ],
  examples: ['audit archive --to archives --before 2026-01-01T00:00:00Z --yes'],
  roles: ['admin'],
  async run({ options }, context) {
    const { to: folder, 'to-seq': last, before, pubkey, checkpoints } = options;
    if ((last === null) === (before === null)) throw usageError('one of --to-seq and --before is needed');
    if (!options.yes) throw usageError('the entries leave the database: repeat it with --yes');
    const broker = await openBroker(context);
    const range = await findRange(broker, last, before);
    const files: ArchiveFile[] = [];
    for (const part of splitRange(range)) {
      const file = await writeArchive(broker, folder, part);
      print(context.stderr, `wrote ${file.path}, SHA-256 ${file.sha256}`);
      files.push(file);
    }
    const code = await verifyOver(broker, range, { pubkey, checkpoints, archives: [folder] }, context);
    if (code !== exits.done) return code;
    for (const { to, path, sha256 } of files) {
      const pruned = await broker.post<Pruned>('/admin/v1/audit/prune', { to_seq: to, archive_sha256: sha256 });
      const { count, from_seq, to_seq } = pruned;
      print(context.stdout, `removed ${count} entries, ${from_seq} to ${to_seq}; they are in ${path}`);
    }
    return exits.done;
  },
});

/** From the first entry there is. @throws CommandError where nothing would go. */
async function findRange(broker: Api, last: number | null, before: string | null): Promise<Range> {
  const from = await findFirst(broker, null);
  const kept = before === null ? null : await findFirst(broker, before);
  if (before !== null && kept === null) {
    throw new CommandError(exits.refused, 'every entry is older than that, and the newest must stay');
  }
  const to = last ?? (kept ?? 0) - 1;
  if (from === null || to < from) throw new CommandError(exits.refused, 'the log has no entry in this range');
  return { from, to };
}

/** The number of the first sealed entry that is not older than `since`. */
async function findFirst(broker: Api, since: string | null): Promise<number | null> {
  const page = await broker.get<AuditPage>('/audit', { order: 'asc', limit: 1, since });
  return page.events[0]?.seq ?? null;
}

/** In pieces that begin where a run that was cut off had its own. */
function splitRange({ from, to }: Range): readonly Range[] {
  const ranges: Range[] = [];
  for (let start = from; start <= to; start += maxEntries) {
    ranges.push({ from: start, to: Math.min(start + maxEntries - 1, to) });
  }
  return ranges;
}

/** A file that is there already, from a run that was cut off, must hold the same. @throws CommandError */
async function writeArchive(broker: Api, folder: string, { from, to }: Range): Promise<ArchiveFile> {
  const path = join(folder, `audit-${from}-${to}.ndjson`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw describeFileError(folder, error);
  }
  const chunks = wholeExport(await broker.stream('/audit/export', { from_seq: from, to_seq: to }));
  const known = await hashFile(path);
  if (known === null) return { to, path, ...(await writeWhole(path, chunks)) };
  if ((await hashChunks(chunks)) !== known) {
    throw new CommandError(exits.refused, `${path} is there already and holds something else`);
  }
  return { to, path, sha256: known };
}

/** The exit code of the verification of the log as it will be: what stays, over the archives. */
async function verifyOver(
  broker: Api,
  { to }: Range,
  files: Parameters<typeof readInputs>[0],
  { stderr }: CommandContext,
): Promise<number> {
  const inputs = await readInputs(files);
  const report = await verifyLog(await broker.stream('/audit/export', { from_seq: to + 1 }), inputs);
  if (report.range === null) throw new CommandError(exits.refused, 'the newest entry must stay');
  for (const line of describeReport(report)) print(stderr, line);
  return report.exitCode;
}
