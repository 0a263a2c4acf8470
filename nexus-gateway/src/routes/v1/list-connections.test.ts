import { describe, expect, it } from 'vitest';
import { ConnectionList } from '../../schemas/v1/connection.js';
import { brokerError } from '../../testing/fake-broker.js';
import { summaryFixture } from '../../testing/fixtures.js';
import { openWorld, publicUrl, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/connections/list';

describe('listConnections', () => {
  it('answers refs and never an id, and everything without a limit', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { connections: [summaryFixture()] } });
    const response = await world.send('GET', '/v1/connections?workspace_id=w1&status=active', { key: world.key });
    const answer: unknown = await response.json();
    expect(ConnectionList.strict().parse(answer)).toEqual(answer);
    expect(JSON.stringify(answer)).not.toContain('internal');
    expect(world.broker.callTo(route).body).toEqual({ workspace_id: 'w1', status: 'active' });
    expect(response.headers.get('link')).toBeNull();
  });

  it('names the next page in the Link header', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: { connections: [summaryFixture()], next_cursor: 'c&1' } });
    const response = await world.send('GET', '/v1/connections?workspace_id=w%201&limit=1&after=c0', { key: world.key });
    const link = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1] ?? '';
    const next = new URL(link);
    expect(next.origin + next.pathname).toBe(`${publicUrl}/v1/connections`);
    expect(Object.fromEntries(next.searchParams)).toEqual({ workspace_id: 'w 1', limit: '1', after: 'c&1' });
  });

  it.each(['limit=0', 'limit=501', 'limit=x', 'status=unknown', 'limit=1&limit=2'])('refuses %s', async (query) => {
    await using world = await openWorld();
    const response = await world.send('GET', `/v1/connections?workspace_id=w&${query}`, { key: world.key });
    expect(await readRefusal(response)).toEqual([400, 'invalid_request']);
  });

  it('passes on that the key may not list', async () => {
    await using world = await openWorld();
    world.broker.on(route, brokerError('forbidden'));
    const response = await world.send('GET', '/v1/connections?workspace_id=w', { key: world.key });
    expect(await readRefusal(response)).toEqual([403, 'forbidden']);
  });
});
