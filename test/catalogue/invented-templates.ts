/** Providers that do what no shipped template does, and a template may yet say. */
import type { Profile, TemplateUnderTest } from './templates.js';

function invent(name: string, profile: Profile, tests: TemplateUnderTest['tests']): TemplateUnderTest {
  return { name, template: null, profile, tests };
}

/** Every parameter has another name, or none. */
const oddNames = invent(
  'odd-names',
  {
    auth_type: 'oauth2',
    auth_url: 'https://odd-names.example/allow',
    token_url: 'https://odd-names.example/tickets',
    revocation_endpoint: 'https://odd-names.example/end',
    token_endpoint_auth_method: 'client_secret_post',
    scopes: ['read', 'write'],
    scope_separator: ';',
    param_names: {
      client_id: 'app',
      client_secret: 'app_key',
      response_type: '',
      redirect_uri: 'back',
      scope: 'rights',
      code: 'ticket',
      refresh_token: 'renewal',
      grant_type: 'kind',
    },
    token_request: { body_format: 'json', sends_scope: true, accept_any_success: true, params: { way: 'first' } },
    token_answer: { scope_separator: ';' },
    refresh: { rotation: 'strict', params: { way: 'again' } },
    errors: { over: 'final' },
  },
  {
    token: {
      status: 201,
      body: {
        access_token: 'fixture-access',
        refresh_token: 'fixture-refresh',
        expires_in: 600,
        scope: 'read;write',
        token_type: 'bearer',
      },
    },
    refresh: {
      status: 201,
      body: {
        access_token: 'fixture-access-2',
        refresh_token: 'fixture-refresh-2',
        expires_in: 600,
        token_type: 'bearer',
      },
    },
    error: { status: 400, body: { error: 'over' }, class: 'final' },
    expect: { scope: 'read write', lifetime: 600 },
  },
);

/** Answers are forms, lifetimes are in milliseconds, and the token stands in the address that ends it. */
const oddAnswers = invent(
  'odd-answers',
  {
    auth_type: 'oauth2',
    auth_url: 'https://odd-answers.example/allow?audience=all',
    token_url: 'https://odd-answers.example/token?version=2',
    scopes: ['read', 'write'],
    scope_separator: '|',
    pkce: 'required',
    token_answer: { body_format: 'form', expiry_unit: 'milliseconds', scope_separator: '|' },
    refresh: { rotation: 'never' },
    errors: { later: 'transient' },
    revoke: {
      kills: 'token',
      via: 'http',
      request: {
        method: 'GET',
        url: 'https://odd-answers.example/end/{token}?app={client_id}',
        token: 'refresh_token',
      },
    },
  },
  {
    token: {
      status: 200,
      body: 'access_token=fixture-access&refresh_token=fixture-refresh&expires_in=900000&scope=read%7Cwrite&token_type=bearer',
    },
    refresh: { status: 200, body: 'access_token=fixture-access-2&expires_in=900000&token_type=bearer' },
    error: { status: 400, body: 'error=later', class: 'transient' },
    expect: { scope: 'read write', lifetime: 900 },
  },
);

/** The client proves itself with a key, answers name their issuer, and tokens stand where nobody looks. */
const keyClient = invent(
  'key-client',
  {
    auth_type: 'oauth2',
    issuer: 'https://key-client.example/tenant',
    auth_url: 'https://key-client.example/tenant/authorize',
    token_url: 'https://key-client.example/tenant/token',
    token_endpoint_auth_method: 'private_key_jwt',
    scopes: ['openid'],
    iss_expected: true,
    token_answer: {
      expiry_unit: 'milliseconds',
      expiry_base: 'absolute',
      paths: { access_token: 'tokens.0.value', refresh_token: 'tokens.1.value', id_token: 'proof', expires: 'until' },
    },
    refresh: { rotation: 'sometimes' },
    errors: { wrong_client: 'configuration' },
  },
  {
    token: {
      status: 200,
      body: { tokens: [{ value: 'fixture-access' }, { value: 'fixture-refresh' }], until: 1, token_type: 'bearer' },
    },
    refresh: {
      status: 200,
      body: { tokens: [{ value: 'fixture-access-2' }, { value: 'fixture-refresh-2' }], until: 1, token_type: 'bearer' },
    },
    error: { status: 403, body: { error: 'wrong_client' }, class: 'configuration' },
    expect: { subject: 'subject-1', lifetime: 1_200 },
  },
);

/** The first token is upgraded with a form of its own, and ended by a recipe that says everything at once. */
const oddUpgrade = invent(
  'odd-upgrade',
  {
    auth_type: 'oauth2',
    auth_url: 'https://odd-upgrade.example/authorize',
    token_url: 'https://odd-upgrade.example/token',
    token_endpoint_auth_method: 'none',
    upgrade: {
      url: 'https://odd-upgrade.example/upgrade',
      method: 'POST',
      grant_type: 'longer',
      token_param: 'short_token',
      client: false,
      params: { days: '60' },
    },
    refresh: { supported: false },
    revoke: {
      kills: 'grant',
      via: 'http',
      request: {
        method: 'PUT',
        url: 'https://odd-upgrade.example/grants/{client_id}',
        token: 'access_token',
        auth: 'bearer',
        body_format: 'json',
        params: { token: '{token}', app: '{client_id}', state: 'ended' },
        headers: { 'x-app': '{client_id}' },
      },
    },
  },
  {
    token: { status: 200, body: { access_token: 'fixture-short', expires_in: 60, token_type: 'bearer' } },
    upgraded: { status: 200, body: { access_token: 'fixture-access', expires_in: 5_184_000, token_type: 'bearer' } },
    error: { status: 400, body: { error: 'invalid_request' }, class: 'transient' },
    expect: { lifetime: 5_184_000 },
  },
);

export const inventedOauth: readonly TemplateUnderTest[] = [oddNames, oddAnswers, keyClient, oddUpgrade];

export const inventedStatic: readonly TemplateUnderTest[] = [
  invent(
    'odd-header',
    {
      auth_type: 'header',
      api_base_url: 'https://odd-header.example/v1',
      auth_strategy: {
        type: 'header',
        config: { header_name: 'X-Odd', credential_field: 'key', value_prefix: 'odd ' },
      },
      credential_schema: {
        type: 'object',
        title: 'Odd credential',
        description: 'A key and the plan it belongs to.',
        properties: {
          key: { type: 'string', format: 'password', minLength: 4, maxLength: 40 },
          plan: { type: 'string', enum: ['free', 'paid'] },
        },
        required: ['key'],
      },
      probe: { method: 'HEAD', path: '/ping', headers: { 'x-version': '3' } },
    },
    {
      credentials: { key: 'fixture-key', plan: 'paid' },
      accepted: { status: 200, body: '' },
      refused: { status: 403, body: '' },
      request: { url: 'https://odd-header.example/v1/ping', headers: { 'x-odd': 'odd fixture-key', 'x-version': '3' } },
    },
  ),
];
