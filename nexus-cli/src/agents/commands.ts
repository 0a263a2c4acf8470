import type { Agent, AgentDeleted } from '@nexus/broker-api/agents';
import { jsonOption, type Options } from '../arguments.js';
import { openBroker } from '../broker.js';
import { defineCommand, exits, usageError } from '../command.js';
import { present } from '../print.js';
import { countOf, defineDelete, defineGet, defineList } from '../resource-commands.js';
import { fieldLines } from '../views/fields.js';
import type { Screen } from '../views/screen.js';
import { agentColumns, agentFields, agentRow } from './agent-view.js';

const path = '/admin/v1/agents';
const agentId = { AGENT: { help: 'the id of the agent' } } as const;

function pathOf(id: string): string {
  return `${path}/${encodeURIComponent(id)}`;
}

export const agentsList = defineList({
  member: 'agents',
  filters: {},
  args: {},
  isPaged: true,
  request: () => ({ path }),
  columns: agentColumns,
  row: agentRow,
  examples: ['agents list'],
  roles: ['operator', 'admin', 'auditor'],
});

export const agentsGet = defineGet({
  args: agentId,
  get: (broker, { AGENT }) => broker.get<Agent>(pathOf(AGENT)),
  fields: agentFields,
  examples: ['agents get mailer'],
  roles: ['operator', 'admin', 'auditor'],
});

const changeable = {
  scope: { kind: 'list', value: 'SCOPE', help: 'a scope its sessions may ask for' },
  provider: { kind: 'list', value: 'NAME', help: 'a provider it may use; all without it' },
  'display-name': { kind: 'text', value: 'TEXT', help: 'what people read' },
  description: { kind: 'text', value: 'TEXT', help: 'what it does' },
} as const satisfies Options;

const viewAgent = (agent: Agent, screen: Screen) => fieldLines(agentFields(agent, screen), screen);

export const agentsCreate = defineCommand({
  options: { ...changeable, json: jsonOption },
  args: agentId,
  description: ['Without a scope it may ask for none.'],
  examples: ['agents create mailer --scope mail.send --provider google --display-name Mailer'],
  roles: ['operator', 'admin'],
  async run({ options, args }, context) {
    const data = await (await openBroker(context)).post<Agent>(path, {
      agent_id: args.AGENT,
      allowed_scopes: options.scope,
      ...(options.provider.length === 0 ? {} : { allowed_providers: options.provider }),
      ...(options['display-name'] === null ? {} : { display_name: options['display-name'] }),
      ...(options.description === null ? {} : { description: options.description }),
    });
    present({ data, view: viewAgent, isJson: options.json }, context);
    return exits.done;
  },
});

export const agentsUpdate = defineCommand({
  options: {
    ...changeable,
    'all-providers': { kind: 'flag', help: 'it may use every provider' },
    'no-scopes': { kind: 'flag', help: 'it may ask for no scope' },
    activate: { kind: 'flag', help: 'lets it work again' },
    deactivate: { kind: 'flag', help: 'stops it, its keys and its sessions, until it is activated' },
    json: jsonOption,
  },
  args: agentId,
  description: ['What is not named stays as it is; a list that is named is replaced whole.'],
  examples: ['agents update mailer --scope mail.send --scope mail.read', 'agents update mailer --deactivate'],
  roles: ['operator', 'admin'],
  async run({ options, args }, context) {
    for (const [one, other, areBoth] of [
      ['--activate', '--deactivate', options.activate && options.deactivate],
      ['--scope', '--no-scopes', options.scope.length > 0 && options['no-scopes']],
      ['--provider', '--all-providers', options.provider.length > 0 && options['all-providers']],
    ] as const) {
      if (areBoth) throw usageError(`${one} and ${other} exclude each other`);
    }
    const change = {
      ...(options.scope.length > 0 || options['no-scopes'] ? { allowed_scopes: options.scope } : {}),
      ...(options.provider.length > 0 ? { allowed_providers: options.provider } : {}),
      ...(options['all-providers'] ? { allowed_providers: null } : {}),
      ...(options['display-name'] === null ? {} : { display_name: options['display-name'] }),
      ...(options.description === null ? {} : { description: options.description }),
      ...(options.activate || options.deactivate ? { active: options.activate } : {}),
    };
    if (Object.keys(change).length === 0) throw usageError('nothing is to be changed: name at least one option');
    const data = await (await openBroker(context)).patch<Agent>(pathOf(args.AGENT), change);
    present({ data, view: viewAgent, isJson: options.json }, context);
    return exits.done;
  },
});

export const agentsDelete = defineDelete({
  options: {},
  args: agentId,
  examples: ['agents delete mailer'],
  roles: ['operator', 'admin'],
  plan: (broker, { args }) => ({
    what: `This deletes the agent ${args.AGENT}, revokes its keys and closes its sessions`,
    delete: () => broker.delete<AgentDeleted>(pathOf(args.AGENT)),
  }),
  describe: ({ agent_id, keys_revoked, sessions_closed }: AgentDeleted) =>
    `agent ${agent_id} is deleted, with ${countOf(keys_revoked, 'key')} and ${countOf(sessions_closed, 'session')}`,
});
