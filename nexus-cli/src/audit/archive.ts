/** Moves the oldest entries of the log into files: all written and verified first, and only then removed. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyLog } from '@nexus/audit-chain/verify';
import type { AuditPage, Pruned } from '@nexus/broker-api/audit';
import { Broker } from '../broker.js';
import {
  type Command,
  type CommandContext,
  CommandError,
  exits,
  print,
  readArgs,
  readCount,
  readInstant,
  usageError,
} from '../command.js';
import { describeFileError, hashChunks, hashFile, writeWhole } from '../files.js';
import { readSettings, settingsHelp } from '../settings.js';
import { describeReport } from './describe-report.js';
import { inputHelp, inputOptions, readInputs } from './verify-inputs.js';
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

export const auditArchive: Command = {
  name: 'audit archive',
  summary: 'Move the oldest entries into files and remove them from the database.',
  help: `Usage: nexus-cli audit archive --to FOLDER (--to-seq N | --before TIME) --yes [options]

  --to FOLDER         where earlier archives are, and the new ones are written to
  --to-seq N          the last entry to go
  --before TIME       entries made before this time go
  --yes               without it nothing is done: the entries leave the database
${inputHelp}

Each file holds at most ${maxEntries.toLocaleString('en')} entries, the next one goes on where it ends, and there are as many as it takes. All are
written and synced, and the log is verified over them, from the first archive in the folder to the newest entry; only then
are the entries removed, one file after the other, with an entry in the log for each. What a run that was cut off did not
remove is removed by the same command again. The log cannot be verified without the files any more: back them up.

Example:
  NEXUS_API_KEY_FILE=data/admin.key nexus-cli audit archive --to archives --before 2026-01-01T00:00:00Z --yes

Exit codes: those of audit verify, and then nothing is removed; 1 the Broker refused; 2 usage; 3 cannot be read.

Role: admin.

${settingsHelp}`,
  async run(args, context) {
    const options = {
      ...inputOptions,
      to: { type: 'string' },
      'to-seq': { type: 'string' },
      before: { type: 'string' },
      yes: { type: 'boolean', default: false },
    } as const;
    const { values } = readArgs(args, options);
    const { to: folder, pubkey, checkpoints } = values;
    const [last, before] = [readCount('to-seq', values['to-seq']), readInstant('before', values.before)];
    if (folder === undefined) throw usageError('--to is missing: the folder of the archives');
    if ((last === null) === (before === null)) throw usageError('one of --to-seq and --before is needed');
    if (!values.yes) throw usageError('the entries leave the database: repeat it with --yes');
    const broker = new Broker(readSettings(context.env));
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
      print(
        context.stdout,
        `removed ${pruned.count} entries, ${pruned.from_seq} to ${pruned.to_seq}; they are in ${path}`,
      );
    }
    return exits.done;
  },
};

/** From the first entry there is. @throws CommandError where nothing would go. */
async function findRange(broker: Broker, last: number | null, before: string | null): Promise<Range> {
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
async function findFirst(broker: Broker, since: string | null): Promise<number | null> {
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
async function writeArchive(broker: Broker, folder: string, { from, to }: Range): Promise<ArchiveFile> {
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
  broker: Broker,
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
