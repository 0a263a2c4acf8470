import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openBroker } from '../broker.js';
import { defineCommand, exits } from '../command.js';
import { writeWhole } from '../files.js';
import { print } from '../print.js';
import { wholeExport } from './whole-export.js';

export const auditExport = defineCommand({
  options: {
    to: {
      kind: 'text',
      value: 'FILE',
      required: true,
      help: 'takes the name when it is whole; - writes to standard output',
    },
    'from-seq': { kind: 'count', help: 'the first entry; all there are without it' },
    'to-seq': { kind: 'count', help: 'the last entry; the export is then the same bytes whenever it is made' },
  },
  args: {},
  examples: ['audit export --to export.ndjson'],
  roles: ['auditor', 'admin'],
  async run({ options }, context) {
    const { stdout, stderr } = context;
    const { to: path } = options;
    const range = { from_seq: options['from-seq'], to_seq: options['to-seq'] };
    const chunks = wholeExport(await (await openBroker(context)).stream('/audit/export', range));
    if (path === '-') {
      await pipeline(Readable.from(chunks), stdout, { end: false });
      return exits.done;
    }
    const { sha256 } = await writeWhole(path, chunks);
    print(stderr, `wrote ${path}, SHA-256 ${sha256}`);
    return exits.done;
  },
});
