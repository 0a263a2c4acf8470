import { createHmac } from 'node:crypto';
import { type ScriptedProvider, type ScriptedRequest, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { engines, type Stack, startStack } from '../support/stack.js';

interface Case {
  readonly authType: string;
  readonly strategy?: Readonly<Record<string, unknown>>;
  /** The strategy as it must be answered, every default filled in. */
  readonly answered: Readonly<Record<string, unknown>>;
  readonly entered: Readonly<Record<string, string>>;
  /** What must come out; by default all that was entered. */
  readonly handedOut?: Readonly<Record<string, string>>;
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly probePath?: string;
  /** What the provider must see when the credential is tried. */
  readonly seen: (request: ScriptedRequest) => unknown;
  readonly expected: unknown;
}

const text = { type: 'string' };
const header = (name: string) => (request: ScriptedRequest) => request.headers[name];

const cases: Readonly<Record<string, Case>> = {
  'api-key': {
    authType: 'api_key',
    answered: {
      type: 'header',
      config: { header_name: 'Authorization', credential_field: 'api_key', value_prefix: 'Bearer ' },
    },
    entered: { api_key: 'k1' },
    seen: header('authorization'),
    expected: 'Bearer k1',
  },
  header: {
    authType: 'header',
    strategy: { type: 'header', config: { header_name: 'X-Token' } },
    answered: { type: 'header', config: { header_name: 'X-Token', credential_field: 'api_key', value_prefix: '' } },
    entered: { api_key: 'k2', internal_note: 'stays here' },
    handedOut: { api_key: 'k2' },
    schema: { type: 'object', properties: { api_key: text, internal_note: text }, required: ['api_key'] },
    seen: header('x-token'),
    expected: 'k2',
  },
  headers: {
    authType: 'api_key',
    strategy: { type: 'headers', config: { headers: { 'X-Client': 'c={client}', 'X-Key': '{api_key}' } } },
    answered: { type: 'headers', config: { headers: { 'X-Client': 'c={client}', 'X-Key': '{api_key}' } } },
    entered: { client: 'me', api_key: 'k3' },
    seen: (request) => [request.headers['x-client'], request.headers['x-key']],
    expected: ['c=me', 'k3'],
  },
  'query-param': {
    authType: 'query_param',
    strategy: { type: 'query_param', config: { param_name: 'appid' } },
    answered: { type: 'query_param', config: { param_name: 'appid', credential_field: 'api_key' } },
    entered: { api_key: 'k4&x=1' },
    seen: (request) => [request.query.getAll('appid'), request.query.get('x')],
    expected: [['k4&x=1'], null],
  },
  path: {
    authType: 'api_key',
    strategy: { type: 'path' },
    answered: { type: 'path', config: {} },
    entered: { api_key: 'k5/../x' },
    probePath: '/bot{api_key}/me',
    seen: (request) => request.path,
    expected: '/botk5%2F..%2Fx/me',
  },
  'basic-auth': {
    authType: 'basic_auth',
    answered: { type: 'basic_auth', config: { username_field: 'username', password_field: 'password' } },
    entered: { username: 'ada', password: 'pass:word' },
    seen: header('authorization'),
    expected: `Basic ${Buffer.from('ada:pass:word').toString('base64')}`,
  },
  'hmac-payload': {
    authType: 'hmac_payload',
    strategy: { type: 'hmac_payload', config: { header_name: 'X-Signature' } },
    answered: {
      type: 'hmac_payload',
      config: { header_name: 'X-Signature', secret_field: 'api_secret', algo: 'sha256', encoding: 'hex' },
    },
    entered: { api_secret: 'k7' },
    seen: header('x-signature'),
    expected: createHmac('sha256', 'k7').update('').digest('hex'),
  },
  'aws-sigv4': {
    authType: 'aws_sigv4',
    strategy: { type: 'aws_sigv4', config: { service: 'execute-api' } },
    answered: { type: 'aws_sigv4', config: { region: 'us-east-1', service: 'execute-api' } },
    entered: { access_key: 'AKFIXTURE', secret_key: 'k8', session_token: 's8' },
    seen: (request) => String(request.headers['authorization']).split('/').slice(0, 5),
    expected: [
      'AWS4-HMAC-SHA256 Credential=AKFIXTURE',
      expect.stringMatching(/^\d{8}$/),
      'us-east-1',
      'execute-api',
      expect.stringContaining('aws4_request'),
    ],
  },
};

const answerKeys = [
  'api_base_url',
  'connection_ref',
  'credentials',
  'expires_at',
  'provider',
  'provider_name',
  'scope',
  'strategy',
];

describe.each(engines)('static strategies on %s', (engine) => {
  let stack: Stack;
  let api: ScriptedProvider;

  beforeAll(async () => {
    stack = await startStack({ engine });
    api = await startScriptedProvider();
  });
  afterAll(async () => {
    await stack.close();
    await api.close();
  });

  it.each(Object.entries(cases))(
    'B3: %s answers its strategy with every default and exactly the fields it uses, and is tried with them',
    async (name, given) => {
      const probePath = given.probePath ?? '/me';
      const seenBefore = api.requests().length;
      api.answer(typeof given.expected === 'string' && given.probePath ? given.expected : probePath, { status: 200 });
      await registerStaticProvider(stack, {
        name,
        auth_type: given.authType,
        api_base_url: api.origin,
        probe: { path: probePath },
        ...(given.strategy === undefined ? {} : { auth_strategy: given.strategy }),
        ...(given.schema === undefined ? {} : { credential_schema: given.schema }),
      });
      const requested = await requestConnection(stack, { provider_name: name });
      const captured = await stack.gateway('POST', '/v1/capture-credential', {
        body: { state: requested.state, credentials: given.entered },
      });
      expect(captured.body).toMatchObject({ status: 'success' });
      const probes = api.requests().slice(seenBefore);
      expect(probes).toHaveLength(1);
      expect(probes.map(given.seen)).toEqual([given.expected]);

      const token = await stack.gateway('GET', `/v1/token/${requested.connection_id}`);
      expect(Object.keys(token.body).sort()).toEqual(answerKeys);
      expect(token.body).toMatchObject({
        strategy: given.answered,
        scope: '',
        expires_at: null,
        api_base_url: api.origin,
      });
      expect(token.body.strategy).toEqual(given.answered);
      expect(token.body.credentials).toEqual(given.handedOut ?? given.entered);
    },
  );
});
