import { type StoreSource, verifyLog } from '@nexus/audit-chain/verify';
import { Broker } from '../broker.js';
import {
  type Command,
  type CommandContext,
  CommandError,
  exits,
  print,
  printJson,
  readArgs,
  readInstant,
  usageError,
} from '../command.js';
import { readChunks } from '../files.js';
import { readSettings, settingsHelp } from '../settings.js';
import { createApiStore } from './api-store.js';
import { describeReport } from './describe-report.js';
import { readStoreFile } from './store-file.js';
import { inputHelp, inputOptions, readInputs } from './verify-inputs.js';

export const auditVerify: Command = {
  name: 'audit verify',
  summary: 'Prove that the audit log was not changed, offline or over the API.',
  help: `Usage: nexus-cli audit verify [--from FILE] [options]

  --from FILE         an export (nexus-cli audit export); - reads standard input; without it the Broker is asked
${inputHelp}
  --archive PATH      an archive of pruned entries, or a folder of them; may be given several times
  --store [FILE]      compare what is stored with the log: the values of the Broker, or those a file lists
  --since TIME, --until TIME
                      count the entries of this time; the whole log is verified whatever they say, since a chain can be
                      followed from its beginning only
  --json              print the report as JSON

Example:
  nexus-cli audit verify --from export.ndjson --pubkey auditor.keys --checkpoints shipped.log --archive archives/

Exit codes (docs/audit/format.md):
  0 good   10 an entry was altered   11 gap or reordering   12 a checkpoint is not genuine
  13 shorter than, or different from, what a checkpoint says   14 the store differs   15 archive missing or different
  2 usage   3 cannot be read

Roles, where the Broker is asked: auditor, admin.

${settingsHelp}`,
  async run(args, context) {
    const options = {
      ...inputOptions,
      from: { type: 'string' },
      archive: { type: 'string', multiple: true },
      store: { type: 'boolean', default: false },
      'store-file': { type: 'string' },
      since: { type: 'string' },
      until: { type: 'string' },
      json: { type: 'boolean', default: false },
    } as const;
    const { values } = readArgs(nameStoreFile(args), options);
    const [since, until] = [readInstant('since', values.since), readInstant('until', values.until)];
    const needsBroker = values.from === undefined || values.store;
    const broker = needsBroker ? new Broker(readSettings(context.env)) : null;
    // Before the log, so that it holds nothing the log cannot have.
    const { pubkey, checkpoints, archive: archives = [] } = values;
    const inputs = await readInputs({ pubkey, checkpoints, archives });
    const store = chooseStore(values, broker);
    const report = await verifyLog(await openLog(values.from, broker, context), {
      ...inputs,
      ...(store === null ? {} : { store }),
      ...(since === null && until === null ? {} : { period: { since, until } }),
    });
    if (values.json) printJson(context.stdout, report);
    else for (const line of describeReport(report)) print(context.stdout, line);
    return report.exitCode;
  },
};

/** `--store` takes a file where one follows, which is not something parseArgs knows. */
function nameStoreFile(args: readonly string[]): string[] {
  return args.map((arg, at) => {
    const next = args[at + 1];
    return arg === '--store' && next !== undefined && !next.startsWith('-') ? '--store-file' : arg;
  });
}

function chooseStore(
  values: { readonly from?: string | undefined; readonly store: boolean; readonly 'store-file'?: string | undefined },
  broker: Broker | null,
): StoreSource | null {
  const { 'store-file': path } = values;
  if (path !== undefined) return { blobs: () => readStoreFile(path) };
  if (!values.store || broker === null) return null;
  if (values.from !== undefined) {
    throw usageError('an export is older than what the Broker stores now: give --store a file, or leave --from out');
  }
  return createApiStore(broker);
}

async function openLog(
  path: string | undefined,
  broker: Broker | null,
  { stdin }: CommandContext,
): Promise<AsyncIterable<Uint8Array | string>> {
  if (path === '-') return stdin;
  if (path !== undefined) return readChunks(path);
  if (broker === null) throw new CommandError(exits.unreadable, 'there is no log to read');
  return broker.stream('/audit/export');
}
