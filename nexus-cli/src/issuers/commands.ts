import type { Issuer, IssuerDeleted } from '@nexus/broker-api/issuers';
import { jsonOption } from '../arguments.js';
import { openBroker } from '../broker.js';
import { defineCommand, exits } from '../command.js';
import { present } from '../print.js';
import { countOf, defineDelete, defineList, itemLines } from '../resource-commands.js';
import { readResource, resourceOption } from '../resource-file.js';
import type { Screen } from '../views/screen.js';
import { timeText } from '../views/time.js';

const path = '/admin/v1/issuers';
const columns = [
  { title: 'ID', keep: true },
  'ISSUER',
  'AUDIENCE',
  'WORKSPACE FROM',
  'ALGORITHMS',
  { title: 'CREATED', keep: true, spare: true },
] as const;

function rowOf(issuer: Issuer, screen: Screen): string[] {
  const { id, audience, workspace_from, algorithms, created_at } = issuer;
  return [id, issuer.issuer, audience, workspace_from, algorithms.join(' '), timeText(created_at, screen)];
}

export const issuersList = defineList({
  member: 'issuers',
  filters: {},
  args: {},
  isPaged: false,
  request: () => ({ path }),
  columns,
  row: rowOf,
  examples: ['issuers list'],
  roles: ['admin'],
});

export const issuersCreate = defineCommand({
  options: { file: resourceOption, json: jsonOption },
  args: {},
  description: ['Its fields are those of POST /admin/v1/issuers: issuer and audience at least.'],
  examples: ['issuers create -f issuer.yaml'],
  roles: ['admin'],
  async run({ options }, context) {
    const body = await readResource(options.file, context);
    const data = await (await openBroker(context)).post<Issuer>(path, body);
    const view = (issuer: Issuer, screen: Screen) => itemLines(columns, rowOf(issuer, screen), screen);
    present({ data, view, isJson: options.json }, context);
    return exits.done;
  },
});

export const issuersDelete = defineDelete({
  options: {},
  args: { ID: { help: 'as issuers list shows it' } },
  examples: ['issuers delete 01JDZ6M4X8Q0V2T5N7R9B3C1KE'],
  roles: ['admin'],
  plan: (broker, { args }) => ({
    what: `This deletes the issuer ${args.ID} and closes the sessions of its users`,
    delete: () => broker.delete(`${path}/${encodeURIComponent(args.ID)}`),
  }),
  describe: ({ id, sessions_closed }: IssuerDeleted) =>
    `issuer ${id} is deleted, and ${countOf(sessions_closed, 'session')} closed`,
});
