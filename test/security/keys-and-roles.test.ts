import { setTimeout as sleep } from 'node:timers/promises';
import { buildContract as buildBrokerContract } from '@nexus/broker/contract';
import { createToken } from '@nexus/core/tokens';
import { buildContract as buildGatewayContract } from '@nexus/gateway/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../support/fixtures.js';
import { type Answer, engines, type RequestOptions, type Stack, startStack } from '../support/stack.js';
import { brokerOperations, gatewayOperations, type KeyRole, type Operation } from './route-matrix.js';

const roles: readonly KeyRole[] = ['admin', 'operator', 'auditor', 'gateway', 'app'];
const callerRoles: readonly KeyRole[] = ['admin', 'operator', 'app'];

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
function summarise(answer: Answer): string {
  return typeof answer.body === 'object' && answer.body !== null && 'code' in answer.body
    ? `${answer.status} ${answer.body.code}`
    : String(answer.status);
}

describe('the table of routes', () => {
  it('B5: lists every operation of both contracts, and none twice', () => {
    expect(gatewayOperations.map(({ id }) => id).sort()).toEqual(listContract(buildGatewayContract()));
    expect(brokerOperations.map(({ id }) => id).sort()).toEqual(listContract(buildBrokerContract()));
  });
});

describe.each(engines)('keys and roles on %s', (engine) => {
  let stack: Stack;
  const keys = new Map<KeyRole, string>();
  const refusedKeys = new Map<string, string>();

  beforeAll(async () => {
    stack = await startStack({ engine, brokerEnv: { UNKNOWN_ID_LIMIT: '1000000', REFUSED_KEY_LIMIT: '1000000' } });
    for (const role of roles) keys.set(role, (await createKey(stack, role)).key);
    const revoked = await createKey(stack, 'admin');
    await stack.broker('DELETE', `/admin/v1/keys/${revoked.id}`);
    const expired = await createKey(stack, 'admin', { expires_at: new Date(Date.now() + 600).toISOString() });
    refusedKeys.set('revoked', revoked.key);
    refusedKeys.set('expired', expired.key);
    refusedKeys.set('unknown', createToken('nxa'));
    refusedKeys.set('malformed', 'not a key');
    refusedKeys.set(
      'with a wrong checksum',
      `${stack.adminKey.slice(0, -1)}${stack.adminKey.endsWith('a') ? 'b' : 'a'}`,
    );
    refusedKeys.set('of another prefix', `nxu${stack.adminKey.slice(3)}`);
    refusedKeys.set('a connection id', createToken('nxc'));
    await sleep(700);
  });
  afterAll(() => stack.close());

  const callGateway = ({ method, path, body }: Operation, options: RequestOptions): Promise<Answer> =>
    stack.gateway(method, path, { ...(body === undefined ? {} : { body }), ...options });
  const callBroker = async ({ method, path, body }: Operation, headers: Record<string, string>): Promise<Answer> => {
    const response = await fetch(stack.brokerUrl + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };

  function expectedAtGateway({ access, answer }: Operation, role: KeyRole | null): string {
    if (access === 'open' || access === 'everybody') return answer;
    if (role === null) return access === 'anyone' ? answer : '401 missing_api_key';
    return (access === 'anyone' ? callerRoles : access).includes(role) ? answer : '403 forbidden';
  }

  it.each(gatewayOperations.map((operation) => [operation.id, operation] as const))(
    'B5: the Gateway judges every key at %s',
    async (_id, operation) => {
      const seen: Record<string, string> = { none: summarise(await callGateway(operation, {})) };
      const expected: Record<string, string> = { none: expectedAtGateway(operation, null) };
      for (const [role, key] of keys) {
        seen[role] = summarise(await callGateway(operation, { key }));
        expected[role] = expectedAtGateway(operation, role);
      }
      for (const [name, key] of refusedKeys) {
        seen[name] = summarise(await callGateway(operation, { key }));
        expected[name] = operation.access === 'open' ? operation.answer : '401 invalid_api_key';
      }
      expect(seen).toEqual(expected);
    },
  );

  it.each(brokerOperations.map((operation) => [operation.id, operation] as const))(
    'B5: the Broker judges every key at %s',
    async (_id, operation) => {
      const { access, answer } = operation;
      const isOpen = typeof access === 'string';
      const seen: Record<string, string> = { none: summarise(await callBroker(operation, {})) };
      const expected: Record<string, string> = { none: isOpen ? answer : '401 missing_api_key' };
      for (const [role, key] of keys) {
        seen[role] = summarise(await callBroker(operation, { 'X-API-Key': key }));
        expected[role] = isOpen || access.includes(role) ? answer : '403 forbidden';
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
