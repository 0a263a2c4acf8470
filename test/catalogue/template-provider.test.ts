/** What the provider of a template finds fault with: whoever tests with it relies on its eye. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createTemplateProvider } from './template-provider.js';
import type { TemplateUnderTest } from './templates.js';

const under: TemplateUnderTest = {
  name: 'strict',
  template: null,
  profile: {
    auth_type: 'oauth2',
    auth_url: 'https://strict.example/authorize',
    token_url: 'https://strict.example/token',
    user_info_endpoint: 'https://strict.example/me',
    revocation_endpoint: 'https://strict.example/revoke',
    token_endpoint_auth_method: 'client_secret_post',
    scopes: ['read'],
    params: { prompt: 'consent' },
    token_request: { headers: { 'x-version': '1' }, params: { extra: 'yes' } },
    refresh: { rotation: 'always', min_age: 60 },
  },
  tests: {
    token: { status: 200, body: { access_token: 'fixture-a', refresh_token: 'fixture-r', expires_in: 600 } },
    refresh: { status: 200, body: { access_token: 'fixture-a', refresh_token: 'fixture-r', expires_in: 600 } },
    userinfo: {},
  },
};

const client = { id: 'client', secret: 'fixture-secret' };
const verifier = 'v'.repeat(43);
const challenge = createHash('sha256').update(verifier).digest('base64url');
const ours = { client_id: client.id, client_secret: client.secret };

type Changes = Readonly<Record<string, string | undefined>>;

/** A client that does everything right but for what it is told to change: a parameter, or leave it out. */
function open() {
  let nowMs = 0;
  const provider = createTemplateProvider(under, { client, nowMs: () => nowMs });
  const apply = (parameters: Changes, changes: Changes) =>
    new URLSearchParams(
      Object.entries({ ...parameters, ...changes }).flatMap(([name, value]): [string, string][] =>
        value === undefined ? [] : [[name, value]],
      ),
    );
  const post = async (path: string, parameters: Changes, changes: Changes, headers: Record<string, string> = {}) =>
    provider.site({
      method: 'POST',
      url: new URL(path, 'https://strict.example'),
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-version': '1', ...headers },
      body: apply(parameters, changes).toString(),
    });
  return {
    provider,
    wait: (seconds: number) => {
      nowMs += seconds * 1_000;
    },
    authorize: (changes: Changes = {}) => {
      const parameters = {
        response_type: 'code',
        client_id: client.id,
        redirect_uri: 'https://nexus.example/callback',
        scope: 'read',
        state: 'state',
        code_challenge: challenge,
        code_challenge_method: 'S256',
        prompt: 'consent',
      };
      provider.authorize(`https://strict.example/authorize?${apply(parameters, changes)}`);
    },
    exchange: (changes: Changes = {}, headers: Record<string, string> = {}) => {
      const [grant] = provider.grants;
      const redirect = { redirect_uri: 'https://nexus.example/callback', code_verifier: verifier };
      const parameters = { grant_type: 'authorization_code', code: grant?.code, ...redirect, extra: 'yes', ...ours };
      return post('/token', parameters, changes, headers);
    },
    refresh: (changes: Changes = {}) => {
      const refreshToken = provider.grants[0]?.tokens?.refreshToken ?? undefined;
      return post('/token', { grant_type: 'refresh_token', refresh_token: refreshToken, ...ours }, changes);
    },
    revoke: (changes: Changes = {}) =>
      post(
        '/revoke',
        { token: provider.grants[0]?.tokens?.accessToken, token_type_hint: 'access_token', ...ours },
        changes,
      ),
    account: (authorization: string) =>
      provider.site({ method: 'GET', url: new URL('https://strict.example/me'), headers: { authorization }, body: '' }),
    post,
  };
}

type Opened = ReturnType<typeof open>;

/** How far a client comes that does everything right. */
const stages: readonly ((opened: Opened) => unknown)[] = [
  (opened) => opened.authorize(),
  (opened) => opened.exchange(),
  (opened) => opened.account(`Bearer ${opened.provider.grants[0]?.tokens?.accessToken}`),
  (opened) => opened.wait(61),
  (opened) => opened.refresh(),
  (opened) => opened.revoke(),
];
const [consented, exchanged, waited, refreshed] = [1, 2, 4, 5];

/** After how many stages, what the client does then, and what is found wrong with it. */
const wrongs: readonly (readonly [string, number, (opened: Opened) => unknown, string])[] = [
  ['another scope', 0, (opened) => opened.authorize({ scope: 'write' }), 'scope is "write"'],
  ['a parameter too many', 0, (opened) => opened.authorize({ user_scope: 'read' }), 'user_scope is not expected'],
  ['no challenge', 0, (opened) => opened.authorize({ code_challenge: undefined }), 'code_challenge is missing'],
  ['no parameter of its own', 0, (opened) => opened.authorize({ prompt: undefined }), 'prompt is missing'],
  ['another verifier', consented, (opened) => opened.exchange({ code_verifier: 'w'.repeat(43) }), 'code_verifier'],
  [
    'another redirect',
    consented,
    (opened) => opened.exchange({ redirect_uri: 'https://b.example/' }),
    'redirect_uri is',
  ],
  ['a wrong secret', consented, (opened) => opened.exchange({ client_secret: 'fixture-b' }), 'client_secret is'],
  [
    'an exchange without its parameter',
    consented,
    (opened) => opened.exchange({ extra: undefined }),
    'extra is missing',
  ],
  ['a scope sent again', consented, (opened) => opened.exchange({ scope: 'read' }), 'scope is not expected'],
  ['another version', consented, (opened) => opened.exchange({}, { 'x-version': '2' }), 'the header x-version'],
  ['JSON', consented, (opened) => opened.exchange({}, { 'content-type': 'application/json' }), 'the content type is'],
  [
    'a proof too many',
    consented,
    (opened) => opened.exchange({}, { authorization: 'Basic YTpi' }),
    'an Authorization header',
  ],
  ['a used code', exchanged, (opened) => opened.exchange(), 'was used'],
  ['a refresh too early', exchanged, (opened) => opened.refresh(), 'the token is 0 s old'],
  [
    'another scheme',
    exchanged,
    (opened) => opened.account(`token ${opened.provider.grants[0]?.tokens?.accessToken}`),
    'Authorization is',
  ],
  [
    'a retired token',
    refreshed,
    (opened) => opened.refresh({ refresh_token: 'fixture-strict-refresh-3' }),
    'is not the latest',
  ],
  ['an unknown token', waited, (opened) => opened.revoke({ token: 'fixture-unknown' }), 'is not a token of ours'],
  ['a wrong hint', waited, (opened) => opened.revoke({ token_type_hint: 'refresh_token' }), 'token_type_hint is'],
  ['another address', 0, (opened) => opened.post('/tokens', {}, {}), 'nobody expects POST'],
];

describe('the provider of a template', () => {
  it('finds nothing wrong with a client that does as the template says', async () => {
    const opened = open();
    for (const stage of stages) await stage(opened);
    opened.provider.faults.expectNone();
    expect(opened.provider.grants).toMatchObject([{ refreshes: 1, revoked: ['access_token'] }]);
  });

  it.each(wrongs)('finds fault with %s', async (_, stage, act, fault) => {
    const opened = open();
    for (const right of stages.slice(0, stage)) await right(opened);
    expect(opened.provider.faults.list()).toEqual([]);
    await act(opened);
    expect(opened.provider.faults.list().join('\n')).toContain(fault);
  });
});
