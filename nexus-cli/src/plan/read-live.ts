/** What a Broker has, of the sections that a manifest is about. */
import type { Key } from '@nexus/broker-api/administration';
import type { Agent } from '@nexus/broker-api/agents';
import type { ProviderProfile } from '@nexus/broker-api/providers';
import { type Api, Refusal } from '../broker.js';
import type { Section } from '../manifest/schema.js';
import { type Fields, keyAddress, type Live } from './resources.js';

interface ReadInput {
  readonly sections: readonly Section[];
  /** Agents whose keys matter. */
  readonly keyedAgents: (agentId: string) => boolean;
  /** Of the Broker, in milliseconds since the epoch: a key that has ended is as good as none. */
  readonly now: number;
}

/** @throws CommandError */
export async function readLive(broker: Api, { sections, keyedAgents, now }: ReadInput): Promise<readonly Live[]> {
  const live: Live[] = [];
  for (const section of sections) live.push(...(await readers[section](broker, now)));
  const agents = live.filter((one) => one.section === 'agents' && keyedAgents(one.id));
  for (const { id } of agents) {
    const { keys } = await broker.get<{ keys: readonly Key[] }>(`/admin/v1/agents/${encodeURIComponent(id)}/keys`);
    live.push(...keys.map((key) => describeKey(key, now)));
  }
  return live;
}

/**
 * The same things as they are now, without those that are gone.
 *
 * @param live all of one section
 * @throws CommandError
 */
export async function readAgain(broker: Api, live: readonly Live[]): Promise<readonly Live[]> {
  const [first] = live;
  if (first === undefined) return [];
  const { section, agentId, name } = first;
  if (section === 'agents') return readAgent(broker, name);
  if (agentId === null) return readers[section](broker, 0);
  const { keys } = await broker.get<{ keys: readonly Key[] }>(`/admin/v1/agents/${encodeURIComponent(agentId)}/keys`);
  return keys.map((key) => describeKey(key, 0));
}

async function readAgent(broker: Api, id: string): Promise<readonly Live[]> {
  try {
    return [describe('agents', id, id, await broker.get<Agent>(`/admin/v1/agents/${encodeURIComponent(id)}`))];
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return [];
    throw error;
  }
}

type Reader = (broker: Api, now: number) => Promise<readonly Live[]>;

const readers: { readonly [S in Section]: Reader } = {
  async providers(broker) {
    const providers = await broker.get<readonly ProviderProfile[]>('/admin/v1/providers');
    return providers.map((profile) => describe('providers', profile.name, profile.id, profile));
  },
  async agents(broker) {
    const agents: Live[] = [];
    for await (const page of broker.pages<{ agents: readonly Agent[]; next_cursor?: string }>('/admin/v1/agents')) {
      agents.push(...page.agents.map((agent) => describe('agents', agent.agent_id, agent.agent_id, agent)));
    }
    return agents;
  },
  async return_origins(broker) {
    type Answer = { return_origins: readonly (Fields & { id: string; origin: string; path_prefix: string | null })[] };
    const { return_origins } = await broker.get<Answer>('/admin/v1/return-origins');
    return return_origins.map((one) =>
      describe('return_origins', `${one.origin}${one.path_prefix ?? ''}`, one.id, one),
    );
  },
  async issuers(broker) {
    type Answer = { issuers: readonly (Fields & { id: string; issuer: string })[] };
    const { issuers } = await broker.get<Answer>('/admin/v1/issuers');
    return issuers.map((one) => describe('issuers', one.issuer, one.id, one));
  },
  async webhooks(broker) {
    type Answer = { webhooks: readonly (Fields & { id: string; url: string; events: readonly string[] })[] };
    const { webhooks } = await broker.get<Answer>('/admin/v1/webhooks');
    return webhooks.map((one) => describe('webhooks', one.url, one.id, { ...one, events: one.events.toSorted() }));
  },
  async keys(broker, now) {
    const { keys } = await broker.get<{ keys: readonly Key[] }>('/admin/v1/keys');
    return keys.filter(({ agent_id }) => agent_id === null).map((key) => describeKey(key, now));
  },
};

/** What the Broker decides itself. */
const given = ['id', 'version', 'client_secret_set', 'created_at', 'updated_at'];

/** The fields of a read that somebody chose. */
export function chosenFields(read: object): Fields {
  return Object.fromEntries(Object.entries(read).filter(([name]) => !given.includes(name)));
}

function describe(section: Section, name: string, id: string, read: object): Live {
  const state = read as Fields;
  return {
    section,
    address: `${section}/${name}`,
    name,
    agentId: null,
    id,
    fields: chosenFields(read),
    state,
    key: null,
  };
}

function describeKey(key: Key, now: number): Live {
  const { id, name, role, agent_id: agentId, expires_at, revoked_at, last_four, created_at } = key;
  const isUsable = revoked_at === null && (expires_at === null || Date.parse(expires_at) > now);
  return {
    section: 'keys',
    address: keyAddress(agentId, name),
    name,
    agentId,
    id,
    fields: agentId === null ? { role, expires_at } : { expires_at },
    state: { id, expires_at, revoked_at },
    key: { role, lastFour: last_four, isUsable, isUsed: key.last_used_at !== null, createdAt: created_at },
  };
}
