import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Broker } from '../broker.js';
import { type Command, exits, print, readArgs, readCount, usageError } from '../command.js';
import { writeWhole } from '../files.js';
import { readSettings, settingsHelp } from '../settings.js';
import { wholeExport } from './whole-export.js';

export const auditExport: Command = {
  name: 'audit export',
  summary: 'Write the audit log, its chain and its checkpoints to a file.',
  help: `Usage: nexus-cli audit export --to FILE [--from-seq N] [--to-seq N]

  --to FILE       takes the name when it is whole; - writes to standard output
  --from-seq N    the first entry; all there are without it
  --to-seq N      the last entry; the export is then the same bytes whenever it is made

Example:
  NEXUS_API_KEY_FILE=data/auditor.key nexus-cli audit export --to export.ndjson

Roles: auditor, admin.

${settingsHelp}`,
  async run(args, { env, stdout, stderr }) {
    const options = {
      to: { type: 'string' },
      'from-seq': { type: 'string' },
      'to-seq': { type: 'string' },
    } as const;
    const { values } = readArgs(args, options);
    const { to: path } = values;
    if (path === undefined) throw usageError('--to is missing: where the export is to be written');
    const range = {
      from_seq: readCount('from-seq', values['from-seq']),
      to_seq: readCount('to-seq', values['to-seq']),
    };
    const chunks = wholeExport(await new Broker(readSettings(env)).stream('/audit/export', range));
    if (path === '-') {
      await pipeline(Readable.from(chunks), stdout, { end: false });
      return exits.done;
    }
    const { sha256 } = await writeWhole(path, chunks);
    print(stderr, `wrote ${path}, SHA-256 ${sha256}`);
    return exits.done;
  },
};
