import type { Insertable, Selectable } from 'kysely';
import type { Agent } from '../domain/agent.js';
import { decodeFlag, decodeJson, decodeNullableJson, encodeFlag, encodeJson, encodeNullableJson } from './codecs.js';
import type { AgentTable } from './schema.js';
import { hasWon, type StoreContext } from './store-context.js';

/** A deregistered agent leaves no row: its history is the audit log's, and its id may be registered again. */
export function createAgentStore({ db }: StoreContext) {
  return {
    /** False while another agent has the id. */
    async insert(agent: Agent): Promise<boolean> {
      const result = await db
        .insertInto('agent')
        .values(toRow(agent))
        .onConflict((conflict) => conflict.column('agent_id').doNothing())
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    },

    async find(agentId: string): Promise<Agent | null> {
      const row = await db.selectFrom('agent').selectAll().where('agent_id', '=', agentId).executeTakeFirst();
      return row === undefined ? null : toAgent(row);
    },

    async list(page: { readonly after: string; readonly limit: number | null }): Promise<Agent[]> {
      const query = db.selectFrom('agent').selectAll().where('agent_id', '>', page.after).orderBy('agent_id');
      const rows = await (page.limit === null ? query : query.limit(page.limit)).execute();
      return rows.map(toAgent);
    },

    /**
     * The agent, kept as it is until the transaction ends: a change or deregistration waits for it. Written as an update
     * because that is the one lock both databases spell alike.
     */
    async hold(agentId: string): Promise<Agent | null> {
      const row = await db
        .updateTable('agent')
        .set((agent) => ({ active: agent.ref('active') }))
        .where('agent_id', '=', agentId)
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? null : toAgent(row);
    },

    async update(agent: Agent): Promise<boolean> {
      const { agent_id, ...columns } = toRow(agent);
      const result = await db.updateTable('agent').set(columns).where('agent_id', '=', agent_id).executeTakeFirst();
      return hasWon(result);
    },

    async delete(agentId: string): Promise<boolean> {
      return hasWon(await db.deleteFrom('agent').where('agent_id', '=', agentId).executeTakeFirst());
    },
  };
}

function toAgent(row: Selectable<AgentTable>): Agent {
  return {
    agentId: row.agent_id,
    displayName: row.display_name,
    description: row.description,
    allowedScopes: decodeJson(row.allowed_scopes),
    allowedProviders: decodeNullableJson(row.allowed_providers),
    metadata: decodeJson(row.metadata),
    active: decodeFlag(row.active),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toRow(agent: Agent): Insertable<AgentTable> {
  return {
    agent_id: agent.agentId,
    display_name: agent.displayName,
    description: agent.description,
    allowed_scopes: encodeJson(agent.allowedScopes),
    allowed_providers: encodeNullableJson(agent.allowedProviders),
    metadata: encodeJson(agent.metadata),
    active: encodeFlag(agent.active),
    created_at: agent.createdAt,
    updated_at: agent.updatedAt,
  };
}
