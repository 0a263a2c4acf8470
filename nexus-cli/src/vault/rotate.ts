import type { DataKeyList } from '@nexus/broker-api/vault';
import { jsonOption } from '../arguments.js';
import { openBroker } from '../broker.js';
import { defineCommand, exits } from '../command.js';
import { present } from '../print.js';
import { describeKey } from './changes.js';

export const vaultRotate = defineCommand({
  options: { json: jsonOption },
  args: { PURPOSE: { help: 'cred, provider, flow, audit or checkpoint', optional: true, many: true } },
  description: [
    'Without a purpose, all but checkpoint. What the old keys sealed is sealed again in the background; vault status shows how far that is.',
  ],
  examples: ['vault rotate cred'],
  roles: ['admin'],
  async run({ options, args }, context) {
    const body = args.PURPOSE.length === 0 ? {} : { purposes: args.PURPOSE };
    const data = await (await openBroker(context)).post<DataKeyList>('/admin/v1/vault/rotate', body);
    present({ data, view: ({ keys }) => keys.map(describeKey), isJson: options.json }, context);
    return exits.done;
  },
});
