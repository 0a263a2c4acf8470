import { setTimeout as sleep } from 'node:timers/promises';
import { buildContract as buildBrokerContract } from '@nexus/broker/contract';
import { createToken } from '@nexus/core/tokens';
import { buildContract as buildGatewayContract } from '@nexus/gateway/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgentKey, type OpenedSession, openSession, registerAgent } from '../support/agents.js';
import { createKey, registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { type Answer, engines, type RequestOptions, type Stack, startStack } from '../support/stack.js';
import {
  brokerOperations,
  gatewayOperations,
  type KeyRole,
  matrixAgent,
  type Operation,
  sessionPlaceholder,
} from './route-matrix.js';

const roles = ['admin', 'operator', 'auditor', 'gateway', 'app'] as const;
const callerRoles: readonly KeyRole[] = ['admin', 'operator', 'app', 'agent'];

function listContract(
  document: ReturnType<typeof buildBrokerContract> | ReturnType<typeof buildGatewayContract>,
): string[] {
  const paths = (document.paths ?? {}) as Record<string, Record<string, { operationId?: string }>>;
  return Object.values(paths)
    .flatMap((operations) => Object.values(operations))
    .map(({ operationId }) => operationId ?? '')
    .sort();
}

/** `200`, or the status with the error's code; pages have no code. */
function summarise({ status, body }: Answer): string {
  const code = typeof body === 'object' && body !== null ? (body.code ?? body.error) : undefined;
  return code === undefined ? String(status) : `${status} ${code}`;
}

describe('the table of routes', () => {
  it('B5: lists every operation of both contracts, and none twice', () => {
    expect(gatewayOperations.map(({ id }) => id).sort()).toEqual(listContract(buildGatewayContract()));
    expect(brokerOperations.map(({ id }) => id).sort()).toEqual(listContract(buildBrokerContract()));
  });
});

describe.each(engines)('keys and roles on %s', (engine) => {
  let stack: Stack;
  const keys = new Map<KeyRole | 'otherAgent', string>();
  const refusedKeys = new Map<string, string>();
  let session: OpenedSession;
  let otherSession: OpenedSession;

  beforeAll(async () => {
    stack = await startStack({ engine, brokerEnv: { UNKNOWN_ID_LIMIT: '1000000', REFUSED_KEY_LIMIT: '1000000' } });
    for (const role of roles) keys.set(role, (await createKey(stack, role)).key);
    const agent = await registerAgent(stack, { agent_id: matrixAgent, allowed_scopes: ['read'] });
    const other = await registerAgent(stack, { allowed_scopes: ['read'] });
    keys.set('agent', agent.key).set('otherAgent', other.key);
    await registerStaticProvider(stack);
    const connection_id = await captureConnection();
    session = await openSession(stack, agent, { connection_id, scopes: ['read'] });
    otherSession = await openSession(stack, other, { connection_id, scopes: ['read'] });
    await refuseKeys();
  });
  afterAll(() => stack.close());

  async function captureConnection(): Promise<string> {
    const { connection_id, state } = await requestConnection(stack, { provider_name: 'acme-key' });
    const body = { state, credentials: { api_key: 'fixture-static-key' } };
    expect((await stack.gateway('POST', '/v1/capture-credential', { body })).status).toBe(200);
    return connection_id;
  }

  async function refuseKeys(): Promise<void> {
    const [revoked, agentKey] = [await createKey(stack, 'admin'), await createAgentKey(stack, matrixAgent)];
    await stack.broker('DELETE', `/admin/v1/keys/${revoked.id}`);
    await stack.broker('DELETE', `/admin/v1/agents/${matrixAgent}/keys/${agentKey.keyId}`);
    const expiry = { expires_at: new Date(Date.now() + 600).toISOString() };
    refusedKeys.set('revoked', revoked.key);
    refusedKeys.set('revoked, of an agent', agentKey.key);
    refusedKeys.set('expired', (await createKey(stack, 'admin', expiry)).key);
    refusedKeys.set('expired, of an agent', (await createAgentKey(stack, matrixAgent, expiry)).key);
    refusedKeys.set('unknown', createToken('nxa'));
    refusedKeys.set('malformed', 'not a key');
    refusedKeys.set(
      'with a wrong checksum',
      `${stack.adminKey.slice(0, -1)}${stack.adminKey.endsWith('a') ? 'b' : 'a'}`,
    );
    refusedKeys.set('of another prefix', `nxu${stack.adminKey.slice(3)}`);
    refusedKeys.set('a connection id', createToken('nxc'));
    refusedKeys.set('the token of a session', session.access_token);
    await sleep(700);
  }

  const callGateway = ({ method, path, body, access }: Operation, options: RequestOptions): Promise<Answer> => {
    const at = path.replace(sessionPlaceholder, session.session_id);
    return stack.gateway(method, at, {
      ...(body === undefined ? {} : access === 'client' ? { form: body as Record<string, string> } : { body }),
      ...options,
    });
  };
  const callBroker = async ({ method, path, body }: Operation, headers: Record<string, string>): Promise<Answer> => {
    const response = await fetch(stack.brokerUrl + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };

  const noWay = { session: '401 invalid_session_token', client: '401 invalid_client' };

  function expectedAtGateway(
    { access, answer, differently = {} }: Operation,
    key: KeyRole | 'otherAgent' | null,
  ): string {
    if (access === 'open' || access === 'everybody') return answer;
    if (access === 'session' || access === 'client') return noWay[access];
    if (key === null) return access === 'anyone' ? answer : '401 missing_api_key';
    const role = key === 'otherAgent' ? 'agent' : key;
    if (!(access === 'anyone' ? callerRoles : access).includes(role)) return '403 forbidden';
    return differently[key] ?? answer;
  }

  it.each(gatewayOperations.map((operation) => [operation.id, operation] as const))(
    'B5: the Gateway judges every key at %s',
    async (_id, operation) => {
      const { access, answer } = operation;
      const seen: Record<string, string> = { none: summarise(await callGateway(operation, {})) };
      const expected: Record<string, string> = { none: expectedAtGateway(operation, null) };
      for (const [name, key] of keys) {
        seen[name] = summarise(await callGateway(operation, { key }));
        expected[name] = expectedAtGateway(operation, name);
      }
      const refusal = access === 'session' || access === 'client' ? noWay[access] : '401 invalid_api_key';
      for (const [name, key] of refusedKeys) {
        seen[name] = summarise(await callGateway(operation, { key }));
        expected[name] = access === 'open' ? answer : refusal;
      }
      expect(seen).toEqual(expected);
    },
  );

  it('B5: the credential of a session is read with the token of that very session only', async () => {
    const operation = gatewayOperations.find(({ access }) => access === 'session') as Operation;
    const fresh = await openSession(
      stack,
      { agentId: matrixAgent, key: keys.get('agent') ?? '', keyId: '' },
      { connection_id: await captureConnection(), scopes: ['read'] },
    );
    const read = (token: string) =>
      stack.gateway('GET', operation.path.replace(sessionPlaceholder, fresh.session_id), {
        headers: { Authorization: `Bearer ${token}` },
      });
    expect(summarise(await read(fresh.access_token))).toBe(operation.answer);
    const others = [otherSession.access_token, createToken('nxs'), ...keys.values(), ...refusedKeys.values()];
    for (const token of others) expect(summarise(await read(token))).toBe(noWay.session);
  });

  it.each(
    gatewayOperations
      .filter(({ access }) => access === 'client')
      .map((operation) => [operation.id, operation] as const),
  )('B5: the standard door lets the agent alone in at %s, by its own key', async (_id, operation) => {
    const call = async (secret: string) =>
      summarise(
        await callGateway(operation, {
          headers: { Authorization: `Basic ${Buffer.from(`${matrixAgent}:${secret}`).toString('base64')}` },
        }),
      );
    expect(await call(keys.get('agent') ?? '')).toBe(operation.answer);
    const others = [...[...keys].filter(([name]) => name !== 'agent').map(([, key]) => key), ...refusedKeys.values()];
    for (const secret of others) expect(await call(secret)).toBe(noWay.client);
  });

  it.each(brokerOperations.map((operation) => [operation.id, operation] as const))(
    'B5: the Broker judges every key at %s',
    async (_id, operation) => {
      const { access, answer } = operation;
      const isOpen = typeof access === 'string';
      const seen: Record<string, string> = { none: summarise(await callBroker(operation, {})) };
      const expected: Record<string, string> = { none: isOpen ? answer : '401 missing_api_key' };
      for (const [name, key] of keys) {
        seen[name] = summarise(await callBroker(operation, { 'X-API-Key': key }));
        const role = name === 'otherAgent' ? 'agent' : name;
        expected[name] = isOpen || access.includes(role) ? answer : '403 forbidden';
      }
      for (const [name, key] of refusedKeys) {
        seen[name] = summarise(await callBroker(operation, { 'X-API-Key': key }));
        expected[name] = isOpen ? answer : '401 invalid_api_key';
      }
      expect(seen).toEqual(expected);
    },
  );

  it('a refusal says who was refused, in the one shape, and before the body is judged', async () => {
    const refused = await stack.gateway('POST', '/v1/providers', { body: { nonsense: true } });
    expect(refused.status).toBe(401);
    expect(refused.body).toEqual({
      error: 'missing_api_key',
      code: 'missing_api_key',
      message: expect.any(String),
      request_id: refused.headers.get('x-request-id'),
    });
    const atBroker = await callBroker(
      { id: '', method: 'POST', path: '/admin/v1/keys', body: { nonsense: true }, answer: '', access: [] },
      { 'X-API-Key': keys.get('operator') ?? '' },
    );
    expect(summarise(atBroker)).toBe('403 forbidden');
  });

  const listAdminKeys: Operation = { id: '', method: 'GET', path: '/admin/v1/keys', answer: '', access: [] };
  const listProviders: Operation = { id: '', method: 'GET', path: '/admin/v1/providers', answer: '', access: [] };

  it('B6: the key of a caller is honoured behind the gateway role only', async () => {
    const admin = stack.adminKey;
    for (const role of ['operator', 'auditor', 'app'] as const) {
      const answer = await callBroker(listAdminKeys, {
        'X-API-Key': keys.get(role) ?? '',
        'X-Nexus-Caller-Key': admin,
      });
      expect(summarise(answer), role).toBe('403 forbidden');
    }
    expect(summarise(await callBroker(listAdminKeys, { 'X-Nexus-Caller-Key': admin }))).toBe('401 missing_api_key');
    const gateway = { 'X-API-Key': stack.gatewayKey };
    expect(summarise(await callBroker(listProviders, { ...gateway, 'X-Nexus-Caller-Key': admin }))).toBe('200');
    expect(summarise(await callBroker(listProviders, gateway))).toBe('403 forbidden');
    expect(summarise(await callBroker(listProviders, { ...gateway, 'X-Nexus-Caller-Key': stack.gatewayKey }))).toBe(
      '403 forbidden',
    );
    expect(summarise(await callBroker(listProviders, { ...gateway, 'X-Nexus-Caller-Key': createToken('nxa') }))).toBe(
      '401 invalid_api_key',
    );
  });

  it('B6: headers in which the Gateway speaks for somebody are not taken from its own callers', async () => {
    const spoofed = {
      'X-Nexus-Caller-Key': stack.adminKey,
      'X-Nexus-Caller-Ip': '198.51.100.7',
      'X-Nexus-Caller-User-Agent': 'spoofed',
    };
    const none = await stack.gateway('GET', '/v1/providers', { headers: spoofed });
    expect(none.status).toBe(401);
    const app = await stack.gateway('GET', '/v1/providers', { key: keys.get('app') ?? '', headers: spoofed });
    expect(summarise(app)).toBe('403 forbidden');
    const audit = await stack.broker('GET', '/audit?event_type=auth.*&limit=500');
    expect(JSON.stringify(audit.body)).not.toContain('198.51.100.7');
    expect(JSON.stringify(audit.body)).not.toContain('spoofed');
  });

  it('B16, B19: a revoked key ends at once, its twin goes on, and neither value is ever shown again', async () => {
    const [first, second] = [await createKey(stack, 'operator'), await createKey(stack, 'operator')];
    for (const { key } of [first, second]) {
      expect((await stack.gateway('GET', '/v1/providers', { key })).status).toBe(200);
    }
    const revoked = await stack.broker('DELETE', `/admin/v1/keys/${first.id}`);
    expect(revoked.status).toBe(200);
    expect((await stack.gateway('GET', '/v1/providers', { key: first.key })).status).toBe(401);
    expect((await stack.gateway('GET', '/v1/providers', { key: second.key })).status).toBe(200);
    const again = await stack.broker('DELETE', `/admin/v1/keys/${first.id}`);
    expect(again.body).toEqual(revoked.body);
    const listed = await stack.broker('GET', '/admin/v1/keys');
    for (const { key } of [first, second]) expect(JSON.stringify(listed.body)).not.toContain(key);
    const entry = listed.body.keys.find(({ id }: { id: string }) => id === second.id);
    expect(entry).toMatchObject({ role: 'operator', last_four: second.key.slice(-4), revoked_at: null });
  });
});

describe('a Gateway that demands keys', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      engine: 'sqlite',
      brokerEnv: { UNKNOWN_ID_LIMIT: '1000000', REFUSED_KEY_LIMIT: '1000000' },
      gatewayEnv: { REQUIRE_CALLER_AUTH: 'true', METADATA_REQUIRES_KEY: 'true' },
    });
  });
  afterAll(() => stack.close());

  it('REQUIRE_CALLER_AUTH and METADATA_REQUIRES_KEY close what is open by default, to the same roles', async () => {
    const appKey = (await createKey(stack, 'app')).key;
    const auditorKey = (await createKey(stack, 'auditor')).key;
    for (const operation of gatewayOperations.filter(({ access }) => access === 'anyone' || access === 'everybody')) {
      const { method, path, body, answer, access } = operation;
      const call = async (key?: string) =>
        summarise(
          await stack.gateway(method, path, {
            ...(key === undefined ? {} : { key }),
            ...(body === undefined ? {} : { body }),
          }),
        );
      expect([operation.id, await call(), await call(auditorKey), await call(appKey)]).toEqual([
        operation.id,
        '401 missing_api_key',
        access === 'everybody' ? answer : '403 forbidden',
        answer,
      ]);
    }
  });
});
