import type { KeyDeleted } from '@nexus/broker-api/administration';
import { defineCommand } from '../command.js';
import { countOf, defineDelete, defineList } from '../resource-commands.js';
import { createKey, createKeyOptions } from './create-key.js';
import { allKeysOption, isShown, keyColumns, keyRow } from './key-view.js';

const path = '/admin/v1/keys';

export const keysList = defineList({
  member: 'keys',
  filters: allKeysOption,
  args: {},
  isPaged: false,
  request: () => ({ path }),
  keep: isShown,
  columns: keyColumns,
  row: keyRow,
  examples: ['keys list', 'keys list --all --json'],
  roles: ['admin'],
});

export const keysCreate = defineCommand({
  options: {
    role: {
      kind: 'text',
      value: 'ROLE',
      required: true,
      among: ['admin', 'operator', 'auditor', 'gateway', 'app'],
      help: 'what the key may do',
    },
    ...createKeyOptions,
  },
  args: { NAME: { help: 'what the key is for, for those who read the list' } },
  description: [
    'The key is shown by the Broker this once. A file must not exist yet; where a key could not be handed over, it is revoked again.',
  ],
  examples: [
    'keys create ci --role operator --out ci.key --expires-at 2027-01-01T00:00:00Z',
    "keys create ci --role operator --exec 'vault kv put secret/nexus key=-'",
  ],
  roles: ['admin'],
  run: ({ options, args }, context) =>
    createKey({ path, body: { name: args.NAME, role: options.role }, options }, context),
});

export const keysDelete = defineDelete({
  options: {},
  args: { KEY_ID: { help: 'the id of the key, as keys list shows it' } },
  examples: ['keys delete 01JDZ6M4X8Q0V2T5N7R9B3C1KE'],
  roles: ['admin'],
  plan: (broker, { args }) => ({
    what: `This revokes the key ${args.KEY_ID} at once`,
    delete: () => broker.delete(`${path}/${encodeURIComponent(args.KEY_ID)}`),
  }),
  describe: describeDeletedKey,
});

export function describeDeletedKey({ id, sessions_closed }: KeyDeleted): string {
  return `key ${id} is revoked${sessions_closed === 0 ? '' : `, and ${countOf(sessions_closed, 'session')} closed`}`;
}
