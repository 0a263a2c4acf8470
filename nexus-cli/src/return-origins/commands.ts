import type { ReturnOrigin, ReturnOriginDeleted } from '@nexus/broker-api/administration';
import { jsonOption } from '../arguments.js';
import { openBroker } from '../broker.js';
import { defineCommand, exits } from '../command.js';
import { present } from '../print.js';
import { defineDelete, defineList, itemLines } from '../resource-commands.js';
import type { Screen } from '../views/screen.js';
import { timeText } from '../views/time.js';

const path = '/admin/v1/return-origins';
const columns = [
  { title: 'ID', keep: true },
  'ORIGIN',
  'PATHS',
  'APPLICATION',
  'COMPLETION',
  { title: 'CREATED', keep: true, spare: true },
] as const;

function rowOf(origin: ReturnOrigin, screen: Screen): string[] {
  const paths = origin.path_prefix === null ? 'all' : `${origin.path_prefix}*`;
  const created = timeText(origin.created_at, screen);
  return [origin.id, origin.origin, paths, origin.app_name, origin.completion, created];
}

export const returnOriginsList = defineList({
  member: 'return_origins',
  filters: {},
  args: {},
  isPaged: false,
  request: () => ({ path }),
  columns,
  row: rowOf,
  examples: ['return-origins list'],
  roles: ['admin'],
});

export const returnOriginsCreate = defineCommand({
  options: {
    'app-name': { kind: 'text', value: 'TEXT', required: true, help: 'what people see that they go back to' },
    completion: {
      kind: 'text',
      value: 'MODE',
      among: ['bound', 'confirm'],
      required: true,
      help: 'whether the application completes connections itself, or the person confirms them',
    },
    'path-prefix': { kind: 'text', value: 'PATH', help: 'only return URLs whose path begins so' },
    json: jsonOption,
  },
  args: { ORIGIN: { help: 'scheme, host and port, such as https://app.example.com' } },
  examples: ['return-origins create https://app.example.com --app-name "Example App" --completion bound'],
  roles: ['admin'],
  async run({ options, args }, context) {
    const data = await (await openBroker(context)).post<ReturnOrigin>(path, {
      origin: args.ORIGIN,
      app_name: options['app-name'],
      completion: options.completion,
      ...(options['path-prefix'] === null ? {} : { path_prefix: options['path-prefix'] }),
    });
    const view = (origin: ReturnOrigin, screen: Screen) => itemLines(columns, rowOf(origin, screen), screen);
    present({ data, view, isJson: options.json }, context);
    return exits.done;
  },
});

export const returnOriginsDelete = defineDelete({
  options: {},
  args: { ID: { help: 'as return-origins list shows it' } },
  examples: ['return-origins delete 01JDZ6M4X8Q0V2T5N7R9B3C1KE'],
  roles: ['admin'],
  plan: (broker, { args }) => ({
    what: `This deletes the return origin ${args.ID}; nobody is sent back there any more`,
    delete: () => broker.delete(`${path}/${encodeURIComponent(args.ID)}`),
  }),
  describe: ({ id }: ReturnOriginDeleted) => `return origin ${id} is deleted`,
});
