import { type StoreSource, verifyLog } from '@nexus/audit-chain/verify';
import type { Report } from '@nexus/audit-chain/verify-report';
import { jsonOption } from '../arguments.js';
import { type Api, openBroker } from '../broker.js';
import { type CommandContext, CommandError, defineCommand, exits, usageError } from '../command.js';
import { readChunks } from '../files.js';
import { present } from '../print.js';
import { type Line, styled } from '../views/screen.js';
import { createApiStore } from './api-store.js';
import { describeReport } from './describe-report.js';
import { readStoreFile } from './store-file.js';
import { inputOptions, readInputs } from './verify-inputs.js';

export const auditVerify = defineCommand({
  options: {
    from: {
      kind: 'text',
      value: 'FILE',
      help: 'an export (nexus-cli audit export); - reads standard input; without it the Broker is asked',
    },
    ...inputOptions,
    archive: { kind: 'list', value: 'PATH', help: 'an archive of pruned entries, or a folder of them' },
    store: {
      kind: 'maybe',
      value: 'FILE',
      help: 'compare what is stored with the log: the values of the Broker, or those a file lists',
    },
    since: { kind: 'time', help: 'count the entries from this time on' },
    until: { kind: 'time', help: 'count the entries before this time' },
    json: jsonOption,
  },
  args: {},
  description: [
    'The whole log is verified whatever --since and --until say, since a chain can be followed from its beginning only. The format of exports and all findings: docs/audit/format.md.',
  ],
  examples: [
    'audit verify --store',
    'audit verify --from export.ndjson --pubkey auditor.keys --checkpoints shipped.log --archive archives/',
  ],
  roles: ['auditor', 'admin'],
  exitCodes: {
    0: 'good',
    10: 'an entry was altered',
    11: 'gap or reordering',
    12: 'a checkpoint is not genuine',
    13: 'shorter than, or different from, what a checkpoint says',
    14: 'the store differs',
    15: 'archive missing or different',
  },
  // A log that the Broker would not show was not read, and nothing was found in it.
  exitCodeOf: (code) => (code === exits.refused ? exits.unreadable : code),
  async run({ options }, context) {
    const { from, since, until, pubkey, checkpoints, archive: archives } = options;
    const broker = await openUnlessOffline(options, context);
    // Before the log, so that it holds nothing the log cannot have.
    const inputs = await readInputs({ pubkey, checkpoints, archives });
    const store = chooseStore(options, broker);
    const report = await verifyLog(await openLog(from, broker, context), {
      ...inputs,
      ...(store === null ? {} : { store }),
      ...(since === null && until === null ? {} : { period: { since, until } }),
    });
    present({ data: report, view: viewReport, isJson: options.json }, context);
    return report.exitCode;
  },
});

function viewReport(report: Report): readonly Line[] {
  const [verdict = '', ...findings] = describeReport(report);
  return [styled(report.problemCount === 0 ? 'green' : 'red', verdict), ...findings];
}

interface Sources {
  readonly from: string | null;
  /** True for the Broker's own, or the path of a list. */
  readonly store: boolean | string;
}

/** Files alone need no Broker. */
async function openUnlessOffline({ from, store }: Sources, context: CommandContext): Promise<Api | null> {
  return from !== null && store !== true ? null : openBroker(context);
}

function chooseStore({ from, store }: Sources, broker: Api | null): StoreSource | null {
  if (typeof store === 'string') return { blobs: () => readStoreFile(store) };
  if (!store || broker === null) return null;
  if (from !== null) {
    throw usageError('an export is older than what the Broker stores now: give --store a file, or leave --from out');
  }
  return createApiStore(broker);
}

async function openLog(
  path: string | null,
  broker: Api | null,
  { stdin }: CommandContext,
): Promise<AsyncIterable<Uint8Array | string>> {
  if (path === '-') return stdin;
  if (path !== null) return readChunks(path);
  if (broker === null) throw new CommandError(exits.unreadable, 'there is no log to read');
  return broker.stream('/audit/export');
}
