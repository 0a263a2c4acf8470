import { defineCommand } from '../command.js';
import { describeDeletedKey } from '../keys/commands.js';
import { createKey, createKeyOptions } from '../keys/create-key.js';
import { allKeysOption, isShown, keyColumns, keyRow } from '../keys/key-view.js';
import { defineDelete, defineList } from '../resource-commands.js';

const agentId = { AGENT: { help: 'the id of the agent' } } as const;

function pathOf(agent: string): string {
  return `/admin/v1/agents/${encodeURIComponent(agent)}/keys`;
}

export const agentKeysList = defineList({
  member: 'keys',
  filters: allKeysOption,
  args: agentId,
  isPaged: false,
  request: ({ args }) => ({ path: pathOf(args.AGENT) }),
  keep: isShown,
  columns: keyColumns,
  row: keyRow,
  examples: ['agents keys list mailer'],
  roles: ['operator', 'admin', 'auditor'],
});

export const agentKeysCreate = defineCommand({
  options: { name: { kind: 'text', value: 'TEXT', help: 'what the key is for' }, ...createKeyOptions },
  args: agentId,
  description: ['The Broker shows the key this once. Where it could not be handed over, it is revoked again.'],
  examples: ['agents keys create mailer --out mailer.key'],
  roles: ['operator', 'admin'],
  run: ({ options, args }, context) =>
    createKey(
      { path: pathOf(args.AGENT), body: options.name === null ? {} : { name: options.name }, options },
      context,
    ),
});

export const agentKeysDelete = defineDelete({
  options: {},
  args: { ...agentId, KEY_ID: { help: 'the id of the key, as agents keys list shows it' } },
  examples: ['agents keys delete mailer 01JDZ6M4X8Q0V2T5N7R9B3C1KE'],
  roles: ['operator', 'admin'],
  plan: (broker, { args }) => ({
    what: `This revokes the key ${args.KEY_ID} of ${args.AGENT} at once and closes the sessions it opened`,
    delete: () => broker.delete(`${pathOf(args.AGENT)}/${encodeURIComponent(args.KEY_ID)}`),
  }),
  describe: describeDeletedKey,
});
