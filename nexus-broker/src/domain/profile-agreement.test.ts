import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { oauthBody } from './profile-fixture.test-data.js';
import { parseProviderProfile } from './provider-profile.js';

/** Paths of the findings, or the code where they are of another kind. */
function refused(change: object): string[] {
  try {
    parseProviderProfile({ ...oauthBody, ...change }, { environment: 'production' });
  } catch (error) {
    if (error instanceof NexusError) return error.details?.map(({ path }) => path) ?? [error.code];
    throw error;
  }
  return [];
}

describe('the calls that a profile describes', () => {
  const calls = {
    'upgrade.url': (url: string) => ({ upgrade: { url, grant_type: 'x', token_param: 't', client: true } }),
    'revoke.request.url': (url: string) => ({ revoke: { via: 'http', request: { url } } }),
    'account.request.url': (url: string) => ({ account: { request: { url } } }),
  };
  it.each(Object.entries(calls))('S-9: cannot leave the provider by a spelling of %s', (_field, call) => {
    expect(refused(call('https://acme.example/x'))).toEqual([]);
    expect(refused(call('https://evil.example/x'))).toEqual(['provider_unsafe']);
    for (const url of [
      ...['HTTPS://evil.example/x', ' https://evil.example/x', 'https:evil.example', '//evil.example/x', 'foo'],
      ...['http://acme.example/x', 'https://acme.example@evil.example/', 'https://acme.example/x#', '{undeclared}/x'],
    ])
      expect(refused(call(url)), url).not.toEqual([]);
  });

  it('may be relative to the base of the API where they ask for the account', () => {
    expect(refused({ ...calls['account.request.url']('/me'), api_base_url: 'https://api.acme.example' })).toEqual([]);
    expect(refused(calls['account.request.url']('/me'))).toEqual(['account.request.url']);
    expect(refused({ ...calls['upgrade.url']('/up'), api_base_url: 'https://api.acme.example' })).not.toEqual([]);
  });
});

describe('paths of a token answer', () => {
  const at = (paths: object) => refused({ token_answer: { paths } }).map((path) => path.replace(/.*\./, ''));

  it('S-9: never read a token as something else', () => {
    for (const [name, path] of [
      ['scope', 'refresh_token'],
      ['scope', 'data.refreshToken'],
      ['expires', 'access_token'],
      ['token_type', 'id_token'],
      ['access_token', 'refresh_token'],
      ['access_token', 'data.id_token'],
      ['refresh_token', 'access_token'],
      ['id_token', 'refresh_token'],
    ] as const)
      expect(at({ [name]: path }), `${name} from ${path}`).toEqual([name]);
    expect(at({ refresh_token: 'rt', scope: 'rt' })).toEqual(['scope']);
    expect(at({ access_token: 'tok', id_token: 'tok' })).toEqual(['id_token']);
    expect(refused({ token_answer: { error_path: 'refresh_token' } })).toEqual(['token_answer.error_path']);
  });

  it('read each token where the provider has it', () => {
    expect(
      at({ access_token: 'authed_user.access_token', refresh_token: 'data.refreshToken', scope: 'a.scope' }),
    ).toEqual([]);
  });
});

describe('what is kept of an account', () => {
  it('S-9: is no token, and nothing that only the exchange may know', () => {
    const located = (from: string, path: string) => ({
      account: { subject: { from: 'token', path }, label: { from, path }, values: { leak: { from, path } } },
    });
    const all = ['account.subject.path', 'account.label.path', 'account.values.leak.path'];
    for (const path of ['access_token', 'data.refresh_token', 'idToken', 'code', 'state', 'client_secret'])
      expect(refused(located('token', path)), path).toEqual(all);
    for (const path of ['code', 'state', 'access_token'])
      expect(refused({ account: { label: { from: 'callback', path } } }), path).toEqual(['account.label.path']);
    expect(refused({ account: { label: { path: 'data.0.access_token' } } })).toEqual(['account.label.path']);
    expect(refused({ account: { label: { path: 'address.state' } } })).toEqual([]);
    const renamed = {
      token_answer: { paths: { refresh_token: 'rt' } },
      account: { label: { from: 'token', path: 'rt' } },
    };
    expect(refused(renamed)).toEqual(['account.label.path']);
  });
});

describe('names', () => {
  it.each([
    { scope_param: 'redirect_uri' },
    { scope_param: 'State' },
    { param_names: { scope: 'state' } },
    { param_names: { client_id: 'redirect_uri' } },
  ])('H9: %j takes the place of what Nexus sets', (change) => {
    expect(refused(change)).toEqual(['reserved_parameter']);
  });

  it('of parameters differ, and may be none', () => {
    expect(refused({ param_names: { client_id: 'key', redirect_uri: 'key' } })).toHaveLength(2);
    expect(refused({ scope_param: 'key', param_names: { client_id: 'key' } })).toHaveLength(2);
    expect(refused({ param_names: { client_id: 'key', response_type: '', scope: '' } })).toEqual([]);
    expect(refused({ scope_param: 'user_scope', param_names: { client_id: 'client_key' } })).toEqual([]);
  });

  it.each(['token', 'client_id', 'client_secret', 'constructor'])('of values are not %s', (name) => {
    expect(refused({ inputs: { [name]: { title: 'T' } } })).toEqual([`inputs.${name}`]);
    expect(refused({ account: { values: { [name]: { path: 'x' } } } })).toEqual([`account.values.${name}`]);
  });

  it.each(['Accept-Encoding', 'expect', 'te', 'forwarded'])('of headers are not %s', (name) => {
    expect(refused({ token_request: { headers: { [name]: 'x' } } })).toEqual([`token_request.headers.${name}`]);
  });
});

describe('blocks that need something', () => {
  it('are refused without it', () => {
    expect(refused({ iss_expected: true })).toEqual(['iss_expected']);
    expect(refused({ iss_expected: true, issuer: 'https://acme.example' })).toEqual([]);
    expect(refused({ revoke: { via: 'http' } })).toEqual(['revoke.request']);
  });

  it('S-9: never send the private key of a client', () => {
    const key = { token_endpoint_auth_method: 'private_key_jwt' };
    const request = (more: object) => ({
      revoke: { via: 'http', request: { url: 'https://acme.example/r', ...more } },
    });
    const upgrade = { url: 'https://acme.example/u', grant_type: 'x', token_param: 't', client: true };
    for (const [block, path] of [
      [request({ auth: 'client_body' }), 'revoke.request.auth'],
      [request({ auth: 'client_basic' }), 'revoke.request.auth'],
      [request({ params: { s: 'x{client_secret}' }, body_format: 'form' }), 'revoke.request.params'],
      [request({ headers: { 'x-secret': '{client_secret}' } }), 'revoke.request.headers'],
      [{ upgrade }, 'upgrade.client'],
    ] as const) {
      expect(refused(block), path).toEqual([]);
      expect(refused({ ...key, ...block }), path).toEqual([path]);
    }
    expect(refused({ ...key, ...request({ auth: 'bearer' }), upgrade: { ...upgrade, client: false } })).toEqual([]);
  });
});
