import { jsonOption } from '../arguments.js';
import { openBroker } from '../broker.js';
import { defineCommand, exits } from '../command.js';
import { holdInterrupts } from '../interrupts.js';
import { present } from '../print.js';
import { createStatusReader } from './read-status.js';
import { viewStatus } from './view-status.js';
import { watchStatus } from './watch-status.js';

const intervalMs = 2_000;

export const status = defineCommand({
  description: [
    'With --watch it is read every two seconds until Ctrl-C: drawn in place on a terminal, one document after the other ' +
      'in a pipe, each on one line with --json. Webhooks are shown to administrators.',
  ],
  options: {
    watch: { kind: 'flag', help: 'read it again and again' },
    json: jsonOption,
  },
  args: {},
  examples: ['status', 'status --watch'],
  roles: ['operator', 'auditor', 'admin'],
  async run({ options }, context) {
    if (options.watch) {
      using interrupts = holdInterrupts();
      const signal = AbortSignal.any([interrupts.signal, context.outputLost]);
      const reader = createStatusReader(await openBroker(context, signal));
      await watchStatus(reader, { isJson: options.json, signal, intervalMs }, context);
    } else {
      const data = await createStatusReader(await openBroker(context)).read();
      present({ data, view: viewStatus, isJson: options.json }, context);
    }
    return exits.done;
  },
});
