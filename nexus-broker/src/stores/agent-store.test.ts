import { beforeAll, expect, it } from 'vitest';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createAgent, laterTime } from './store-fixture.js';

describeEachDatabase('the agent store', (open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
  });

  it('keeps an agent as it was given, and refuses a second of its id', async () => {
    const agent = createAgent({ allowedProviders: [], metadata: { team: 'ops' }, displayName: 'Ada’s agent' });
    expect(await database.transaction((stores) => stores.agents.insert(agent))).toBe(true);
    expect(await database.transaction((stores) => stores.agents.insert(agent))).toBe(false);
    expect(await database.stores.agents.find(agent.agentId)).toEqual(agent);
    expect(await database.stores.agents.find('nobody')).toBeNull();
  });

  it('tells no providers from every provider', async () => {
    const [none, every] = [createAgent({ allowedProviders: [] }), createAgent({ allowedProviders: null })];
    await database.transaction(async (stores) => {
      await stores.agents.insert(none);
      await stores.agents.insert(every);
    });
    expect((await database.stores.agents.find(none.agentId))?.allowedProviders).toEqual([]);
    expect((await database.stores.agents.find(every.agentId))?.allowedProviders).toBeNull();
  });

  it('holds, changes and deletes', async () => {
    const agent = createAgent();
    await database.transaction((stores) => stores.agents.insert(agent));
    const changed = { ...agent, active: false, allowedScopes: [], updatedAt: laterTime };
    expect(await database.transaction((stores) => stores.agents.hold(agent.agentId))).toEqual(agent);
    expect(await database.transaction((stores) => stores.agents.update(changed))).toBe(true);
    expect(await database.stores.agents.find(agent.agentId)).toEqual(changed);
    expect(await database.transaction((stores) => stores.agents.delete(agent.agentId))).toBe(true);
    expect(await database.transaction((stores) => stores.agents.delete(agent.agentId))).toBe(false);
    expect(await database.transaction((stores) => stores.agents.hold(agent.agentId))).toBeNull();
  });

  it('lists in pages, in the order of their ids', async () => {
    const ids = ['page-a', 'page-b', 'page-c'];
    await database.transaction(async (stores) => {
      for (const agentId of ids) await stores.agents.insert(createAgent({ agentId }));
    });
    const list = async (after: string, limit: number | null) =>
      (await database.stores.agents.list({ after, limit })).map(({ agentId }) => agentId);
    expect(await list('page-', 2)).toEqual(['page-a', 'page-b']);
    expect((await list('page-b', null)).slice(0, 1)).toEqual(['page-c']);
  });
});
