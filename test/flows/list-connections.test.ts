import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, registerStaticProvider } from '../support/fixtures.js';
import { engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('listing connections on %s', (engine) => {
  let stack: Stack;
  let key: string;

  beforeAll(async () => {
    stack = await startStack({ engine });
    await registerStaticProvider(stack);
    key = (await createKey(stack, 'app')).key;
  });
  afterAll(() => stack.close());

  it('fills each page with what was asked for, whatever lies between, and names the next', async () => {
    const active: string[] = [];
    for (let index = 0; index < 9; index++) {
      const { body } = await stack.gateway('POST', '/v1/request-connection', {
        key,
        body: { workspace_id: 'listed', provider_name: 'acme-key', return_url: 'http://127.0.0.1:1/return' },
      });
      if (index % 3 !== 0) continue;
      await stack.gateway('POST', '/v1/capture-credential', {
        body: { state: body.state, credentials: { api_key: 'fixture-key' } },
      });
      active.push(body.connection_ref);
    }
    const read = async (path: string): Promise<{ refs: string[]; next: string | null }> => {
      const answer = await stack.gateway('GET', path, { key });
      const refs = answer.body.connections.map((row: { connection_ref: string }) => row.connection_ref);
      return { refs, next: /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1] ?? null };
    };
    const all = await read('/v1/connections?workspace_id=listed');
    expect([all.refs.length, all.next]).toEqual([9, null]);

    const page = await stack.broker('GET', '/admin/v1/connections?workspace_id=listed&status=active&limit=2');
    expect(page.body.connections.map((row: { connection_ref: string }) => row.connection_ref)).toEqual(
      active.slice(0, 2),
    );
    const rest = await stack.broker(
      'GET',
      `/admin/v1/connections?workspace_id=listed&status=active&limit=2&cursor=${page.body.next_cursor}`,
    );
    expect(rest.body.connections.map((row: { connection_ref: string }) => row.connection_ref)).toEqual(active.slice(2));
    expect(rest.body.next_cursor).toBeUndefined();

    const first = await read('/v1/connections?workspace_id=listed&limit=5');
    expect(first.refs).toHaveLength(5);
    const second = await read(new URL(first.next ?? '', stack.gatewayUrl).pathname + new URL(first.next ?? '').search);
    expect([...first.refs, ...second.refs]).toEqual(all.refs);
    expect(second.next).toBeNull();
  });
});
