/** The commands over the resources of a Broker, one group for each. */
import type { CommandEntry } from './command.js';

const providers = () => import('./providers/commands.js');
const agents = () => import('./agents/commands.js');
const agentKeys = () => import('./agents/key-commands.js');
const keys = () => import('./keys/commands.js');
const connections = () => import('./connections/commands.js');
const sessions = () => import('./sessions/commands.js');
const returnOrigins = () => import('./return-origins/commands.js');
const issuers = () => import('./issuers/commands.js');
const webhooks = () => import('./webhooks/commands.js');

export const resourceCommands: readonly CommandEntry[] = [
  { name: 'providers list', summary: 'List the providers.', load: async () => (await providers()).providersList },
  {
    name: 'providers get',
    summary: 'Show the profile of a provider, without its secret.',
    load: async () => (await providers()).providersGet,
  },
  {
    name: 'providers create',
    summary: 'Register a provider from a file.',
    load: async () => (await providers()).providersCreate,
  },
  {
    name: 'providers update',
    summary: 'Change fields of a provider from a file.',
    load: async () => (await providers()).providersUpdate,
  },
  {
    name: 'providers delete',
    summary: 'Delete a provider, with --force also its connections.',
    load: async () => (await providers()).providersDelete,
  },
  { name: 'agents list', summary: 'List the agents.', load: async () => (await agents()).agentsList },
  { name: 'agents get', summary: 'Show an agent and what it may do.', load: async () => (await agents()).agentsGet },
  { name: 'agents create', summary: 'Register an agent.', load: async () => (await agents()).agentsCreate },
  {
    name: 'agents update',
    summary: 'Change what an agent may do, or stop it.',
    load: async () => (await agents()).agentsUpdate,
  },
  {
    name: 'agents delete',
    summary: 'Delete an agent with its keys and sessions.',
    load: async () => (await agents()).agentsDelete,
  },
  {
    name: 'agents keys list',
    summary: 'List the keys of an agent.',
    load: async () => (await agentKeys()).agentKeysList,
  },
  {
    name: 'agents keys create',
    summary: 'Make a key for an agent and put it into a file or a command.',
    load: async () => (await agentKeys()).agentKeysCreate,
  },
  {
    name: 'agents keys delete',
    summary: 'Revoke a key of an agent.',
    load: async () => (await agentKeys()).agentKeysDelete,
  },
  {
    name: 'keys list',
    summary: 'List the keys of people, services and applications.',
    load: async () => (await keys()).keysList,
  },
  {
    name: 'keys create',
    summary: 'Make a key and put it into a file or a command.',
    load: async () => (await keys()).keysCreate,
  },
  { name: 'keys delete', summary: 'Revoke a key.', load: async () => (await keys()).keysDelete },
  { name: 'connections list', summary: 'List connections.', load: async () => (await connections()).connectionsList },
  {
    name: 'connections get',
    summary: 'Show a connection, without its credential.',
    load: async () => (await connections()).connectionsGet,
  },
  {
    name: 'connections delete',
    summary: 'End a connection and destroy its credential.',
    load: async () => (await connections()).connectionsDelete,
  },
  {
    name: 'connections revoke',
    summary: 'End every connection that matches.',
    load: async () => (await connections()).connectionsRevoke,
  },
  { name: 'sessions list', summary: 'List the sessions of agents.', load: async () => (await sessions()).sessionsList },
  {
    name: 'sessions close',
    summary: 'Close every session that matches.',
    load: async () => (await sessions()).sessionsClose,
  },
  {
    name: 'return-origins list',
    summary: 'List where people may be sent back to.',
    load: async () => (await returnOrigins()).returnOriginsList,
  },
  {
    name: 'return-origins create',
    summary: 'Allow an application to have people sent back to it.',
    load: async () => (await returnOrigins()).returnOriginsCreate,
  },
  {
    name: 'return-origins delete',
    summary: 'Delete a return origin.',
    load: async () => (await returnOrigins()).returnOriginsDelete,
  },
  {
    name: 'issuers list',
    summary: 'List the issuers whose tokens prove for whom an agent acts.',
    load: async () => (await issuers()).issuersList,
  },
  {
    name: 'issuers create',
    summary: 'Register an issuer from a file.',
    load: async () => (await issuers()).issuersCreate,
  },
  {
    name: 'issuers delete',
    summary: 'Delete an issuer and close the sessions of its users.',
    load: async () => (await issuers()).issuersDelete,
  },
  {
    name: 'webhooks list',
    summary: 'List the receivers of events.',
    load: async () => (await webhooks()).webhooksList,
  },
  {
    name: 'webhooks create',
    summary: 'Register a receiver of events and put its secret into a file or a command.',
    load: async () => (await webhooks()).webhooksCreate,
  },
  {
    name: 'webhooks delete',
    summary: 'Delete a receiver of events.',
    load: async () => (await webhooks()).webhooksDelete,
  },
];
