import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CreatedKey, createKey, type Requested, registerStaticProvider } from '../support/fixtures.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('selecting a connection by workspace on %s', (engine) => {
  let stack: Stack;
  let operator: CreatedKey;
  let app: CreatedKey;
  let other: CreatedKey;
  let workspaces = 0;

  beforeAll(async () => {
    stack = await startStack({ engine });
    await registerStaticProvider(stack);
    await registerStaticProvider(stack, { name: 'second-key' });
    [operator, app, other] = [
      await createKey(stack, 'operator'),
      await createKey(stack, 'app'),
      await createKey(stack, 'app'),
    ];
  });
  afterAll(() => stack.close());

  function nextWorkspace(): string {
    workspaces += 1;
    return `workspace-${workspaces}`;
  }

  /** An active connection that holds `value`, started with a key or by nobody in particular. */
  async function connect(
    workspace: string,
    value: string,
    key?: CreatedKey,
    body: Readonly<Record<string, unknown>> = {},
  ): Promise<Requested> {
    const requested = await start(workspace, key, body);
    const captured = await stack.gateway('POST', '/v1/capture-credential', {
      body: { state: requested.state, credentials: { api_key: value } },
    });
    expect(captured.status).toBe(200);
    return requested;
  }

  async function start(
    workspace: string,
    key?: CreatedKey,
    body: Readonly<Record<string, unknown>> = {},
  ): Promise<Requested> {
    const answer = await stack.gateway('POST', '/v1/request-connection', {
      ...(key === undefined ? {} : { key: key.key }),
      body: { workspace_id: workspace, provider_name: 'acme-key', return_url: 'http://127.0.0.1:1/return', ...body },
    });
    expect(answer.status).toBe(200);
    return answer.body as Requested;
  }

  const resolve = (key: CreatedKey, workspace: string, query = ''): Promise<Answer> =>
    stack.gateway('GET', `/v1/resolve?workspace_id=${workspace}&provider_name=acme-key${query}`, { key: key.key });
  const list = async (key: CreatedKey, workspace: string, query = ''): Promise<string[]> => {
    const answer = await stack.gateway('GET', `/v1/connections?workspace_id=${workspace}${query}`, { key: key.key });
    expect(answer.status).toBe(200);
    return answer.body.connections.map((row: { connection_ref: string }) => row.connection_ref);
  };

  it("never answers with a connection that nobody's key started, whoever asks", async () => {
    const workspace = nextWorkspace();
    const planted = await connect(workspace, 'planted-by-a-stranger');
    for (const key of [operator, app]) {
      const refused = await resolve(key, workspace);
      expect([refused.status, refused.body.code]).toEqual([404, 'connection_not_found']);
      expect((await resolve(key, workspace, `&connection_ref=${planted.connection_ref}`)).status).toBe(404);
      expect(await list(key, workspace)).toEqual([]);
    }
    const own = await connect(workspace, 'our-own', app);
    expect((await resolve(app, workspace)).body.credentials).toEqual({ api_key: 'our-own' });
    expect((await resolve(operator, workspace)).body.connection_ref).toBe(own.connection_ref);
    const administered = await stack.broker('GET', `/admin/v1/connections?workspace_id=${workspace}`);
    const rows: { connection_ref: string; requested_by: string | null }[] = administered.body.connections;
    expect(Object.fromEntries(rows.map((row) => [row.connection_ref, row.requested_by]))).toEqual({
      [planted.connection_ref]: null,
      [own.connection_ref]: app.id,
    });
  });

  it('shows an application its own connections only, and a foreign ref like a missing one', async () => {
    const workspace = nextWorkspace();
    const own = await connect(workspace, 'own', app);
    const foreign = await connect(workspace, 'foreign', other);
    expect((await resolve(app, workspace)).body).toMatchObject({
      connection_ref: own.connection_ref,
      credentials: { api_key: 'own' },
    });
    expect(await list(app, workspace)).toEqual([own.connection_ref]);
    expect((await list(operator, workspace)).sort()).toEqual([own.connection_ref, foreign.connection_ref].sort());
    const byRef = await resolve(app, workspace, `&connection_ref=${foreign.connection_ref}`);
    const missing = await resolve(app, workspace, '&connection_ref=01J00000000000000000000000');
    expect([byRef.status, byRef.body.code]).toEqual([404, 'connection_not_found']);
    expect({ ...byRef.body, request_id: '' }).toEqual({ ...missing.body, request_id: '' });
    expect((await resolve(app, nextWorkspace())).status).toBe(404);
  });

  it('B6: no parameter, field or header makes an application somebody else', async () => {
    const workspace = nextWorkspace();
    const foreign = await connect(workspace, 'foreign', other);
    for (const query of [`&requested_by=${other.id}`, `&app=${other.id}`, `&key=${other.key}`]) {
      expect(await list(app, workspace, query)).toEqual([]);
      expect((await resolve(app, workspace, query)).status).toBe(404);
    }
    for (const field of ['requested_by', 'app_id', 'principal', 'role', 'key_id']) {
      const refused = await stack.gateway('POST', '/v1/request-connection', {
        key: app.key,
        body: {
          workspace_id: workspace,
          provider_name: 'acme-key',
          return_url: 'http://127.0.0.1:1/return',
          [field]: other.id,
        },
      });
      expect(refused.status, field).toBe(400);
      expect(refused.body.details).toEqual([{ path: field, message: 'is not a known field' }]);
    }
    const disagreeing = await stack.gateway('POST', '/v1/request-connection', {
      body: {
        workspace_id: workspace,
        user_id: 'somebody-else',
        provider_name: 'acme-key',
        return_url: 'http://127.0.0.1:1/return',
      },
    });
    expect([disagreeing.status, disagreeing.body.code]).toEqual([400, 'invalid_request']);
    const atBroker = await fetch(`${stack.brokerUrl}/internal/v1/connections/list`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-API-Key': stack.gatewayKey,
        'X-Nexus-Caller-Key': app.key,
      },
      body: JSON.stringify({ workspace_id: workspace, requested_by: other.id }),
    });
    expect(JSON.stringify(await atBroker.json())).not.toContain(foreign.connection_ref);
  });

  it('asks to choose among several, naming their refs, and takes the chosen one', async () => {
    const workspace = nextWorkspace();
    const one = await connect(workspace, 'one', app);
    const two = await connect(workspace, 'two', app);
    await connect(workspace, 'elsewhere', app, { provider_name: 'second-key' });
    const refused = await resolve(app, workspace);
    expect([refused.status, refused.body.code]).toEqual([409, 'connection_ambiguous']);
    for (const { connection_ref: ref } of [one, two]) expect(refused.body.message).toContain(ref);
    const chosen = await resolve(app, workspace, `&connection_ref=${two.connection_ref}`);
    expect(chosen.body).toMatchObject({ connection_ref: two.connection_ref, credentials: { api_key: 'two' } });
    const foreign = await resolve(other, workspace, `&connection_ref=${two.connection_ref}`);
    expect(foreign.status).toBe(404);
  });

  it('prefers what is active, explains what is not, and forgets what was deleted', async () => {
    const workspace = nextWorkspace();
    const pending = await start(workspace, app);
    const waiting = await resolve(app, workspace);
    expect([waiting.status, waiting.body.code, waiting.body.status]).toEqual([409, 'connection_not_active', 'pending']);
    const active = await connect(workspace, 'active', app);
    expect((await resolve(app, workspace)).body.connection_ref).toBe(active.connection_ref);
    for (const { connection_id: id } of [pending, active]) {
      expect((await stack.gateway('DELETE', `/v1/connections/${id}`, { key: app.key })).status).toBe(200);
    }
    expect((await resolve(app, workspace)).status).toBe(404);
  });

  it('filters and pages a list; the next page is in a Link header', async () => {
    const workspace = nextWorkspace();
    const refs: string[] = [];
    for (let index = 0; index < 5; index++) refs.push((await connect(workspace, `k${index}`, app)).connection_ref);
    refs.sort();
    expect(await list(app, workspace)).toEqual(refs);
    expect(await list(app, workspace, '&provider_name=second-key')).toEqual([]);
    expect(await list(app, workspace, '&status=active')).toEqual(refs);
    expect(await list(app, workspace, '&status=revoked')).toEqual([]);
    const seen: string[] = [];
    let next: string | null = `/v1/connections?workspace_id=${workspace}&limit=2`;
    for (let page = 0; next !== null && page < 5; page++) {
      const answer: Answer = await stack.gateway('GET', next, { key: app.key });
      expect(answer.body.connections.length).toBeLessThanOrEqual(2);
      seen.push(...answer.body.connections.map((row: { connection_ref: string }) => row.connection_ref));
      const link = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
      next = link === undefined ? null : link.slice(new URL(link).origin.length);
    }
    expect(seen).toEqual(refs);
    expect(JSON.stringify(await list(app, workspace))).not.toContain('nxc_');
  });
});
