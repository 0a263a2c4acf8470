import type { DataKeyList } from '@nexus/broker-api/vault';
import { Broker } from '../broker.js';
import { type Command, exits, print, printJson, readArgs } from '../command.js';
import { readSettings, settingsHelp } from '../settings.js';
import { describeKey } from './changes.js';

export const vaultRotate: Command = {
  name: 'vault rotate',
  summary: 'Put new data keys in the place of those that seal now.',
  help: `Usage: nexus-cli vault rotate [PURPOSE ...] [--json]

PURPOSE is one of cred, provider, flow, audit, checkpoint; without any, all but checkpoint. What the old keys sealed is
sealed again in the background; vault status shows how far that is.

Example:
  NEXUS_API_KEY_FILE=data/admin.key nexus-cli vault rotate cred

Role: admin.

${settingsHelp}`,
  async run(args, { env, stdout }) {
    const { values, positionals } = readArgs(args, { json: { type: 'boolean', default: false } }, true);
    const body = positionals.length === 0 ? {} : { purposes: positionals };
    const answer = await new Broker(readSettings(env)).post<DataKeyList>('/admin/v1/vault/rotate', body);
    if (values.json) printJson(stdout, answer);
    else for (const key of answer.keys) print(stdout, describeKey(key));
    return exits.done;
  },
};
