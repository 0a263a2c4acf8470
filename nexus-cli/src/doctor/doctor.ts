import { jsonOption } from '../arguments.js';
import { defineCommand, exits } from '../command.js';
import { present } from '../print.js';
import { examine } from './examine.js';
import { viewDiagnosis } from './view-diagnosis.js';

export const doctor = defineCommand({
  description: [
    'Checks settings and files of this program, whether Broker and Gateway can be reached, TLS, clocks, the key, and what ' +
      'the Broker says of its database, log, keys and refreshes. Each finding says how to mend it.',
    'With the key of an operator it asks for the list of keys too, to tell the role; the Broker records that refusal.',
  ],
  options: { json: jsonOption },
  args: {},
  examples: ['doctor', 'doctor --profile production --json'],
  roles: ['operator', 'auditor', 'admin'],
  exitCodes: { 1: 'something failed' },
  async run({ options }, context) {
    const findings = await examine(context);
    const isHealthy = findings.every(({ state }) => state !== 'fail');
    present({ data: { healthy: isHealthy, findings }, view: viewDiagnosis, isJson: options.json }, context);
    return isHealthy ? exits.done : exits.refused;
  },
});
