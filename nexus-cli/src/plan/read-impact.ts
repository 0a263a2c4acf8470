/** Who else is concerned when something goes. */
import type { Agent } from '@nexus/broker-api/agents';
import type { Api, Query } from '../broker.js';
import type { Impact, Step } from './changes.js';
import type { Live } from './resources.js';

const nobody: Impact = { connections: 0, pending: 0, agents: [], keys: 0, sessions: 0 };
const liveStatuses = ['active', 'attention'];
const pageLimit = 500;

/** Null where that is nobody. @throws CommandError */
export async function readImpact(broker: Api, step: Step): Promise<Impact | null> {
  const { action, section, live } = step;
  const [first] = live;
  const isConcerning = action === 'delete' || action === 'replace' || movesProvider(step);
  if (first === undefined || !isConcerning) return null;
  const impact = await readers[section](broker, live, first);
  return impact.connections + impact.pending + impact.agents.length + impact.keys + impact.sessions === 0
    ? null
    : impact;
}

/** Whether credentials that were issued before would from then on belong to another origin than the provider's. */
export function movesProvider({ section, action, desired, live }: Step): boolean {
  if (section !== 'providers' || action !== 'update') return false;
  const origin = (url: unknown) => /^[a-z]+:\/\/[^/?#]*/.exec(typeof url === 'string' ? url : '')?.[0];
  return ['issuer', 'token_url'].some((name) => origin(live[0]?.fields[name]) !== origin(desired?.fields[name]));
}

type Reader = (broker: Api, live: readonly Live[], first: Live) => Promise<Impact>;

const readers: { readonly [S in Step['section']]: Reader } = {
  async providers(broker, _live, { name }) {
    const countOf = (status: string) =>
      count(broker, '/admin/v1/connections', 'connections', { provider_name: name, status });
    let connections = 0;
    for (const status of liveStatuses) connections += await countOf(status);
    const pending = await countOf('pending');
    const agents: string[] = [];
    for await (const page of broker.pages<{ agents: readonly Agent[]; next_cursor?: string }>('/admin/v1/agents')) {
      agents.push(...page.agents.filter((agent) => agent.allowed_providers?.includes(name)).map((one) => one.agent_id));
    }
    return { ...nobody, connections, pending, agents };
  },
  async agents(broker, _live, { id }) {
    const path = `/admin/v1/agents/${encodeURIComponent(id)}/keys`;
    const { keys } = await broker.get<{ keys: readonly { revoked_at: string | null }[] }>(path);
    const live = keys.filter(({ revoked_at }) => revoked_at === null).length;
    return { ...nobody, keys: live, sessions: await countSessions(broker, { agent_id: id }) };
  },
  async keys(broker, live) {
    let sessions = 0;
    for (const { id } of live) sessions += await countSessions(broker, { key_id: id });
    return { ...nobody, sessions };
  },
  async issuers(broker, _live, { name }) {
    return { ...nobody, sessions: await countSessions(broker, { issuer: name }) };
  },
  return_origins: () => Promise.resolve(nobody),
  webhooks: () => Promise.resolve(nobody),
};

/** Such as `2 live connections, 1 pending`. */
export function countConnections(connections: number, pending: number): string {
  const live = connections === 1 ? '1 live connection' : `${connections} live connections`;
  if (pending === 0) return live;
  return connections === 0
    ? `${pending} pending ${pending === 1 ? 'connection' : 'connections'}`
    : `${live}, ${pending} pending`;
}

function countSessions(broker: Api, query: Query): Promise<number> {
  return count(broker, '/admin/v1/sessions', 'sessions', { ...query, open: true });
}

type Page = { readonly next_cursor?: string } & { readonly [list: string]: unknown };

async function count(broker: Api, path: string, list: string, query: Query): Promise<number> {
  let total = 0;
  for await (const page of broker.pages<Page>(path, { ...query, limit: pageLimit })) {
    total += (page[list] as readonly unknown[]).length;
  }
  return total;
}
