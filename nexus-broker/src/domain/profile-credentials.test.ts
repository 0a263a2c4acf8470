import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { keyBody, oauthBody } from './profile-fixture.test-data.js';
import { plainProbe } from './profile-quirks.js';
import type { ProviderProfile } from './provider.js';
import { listProviderUrls, mergeProviderPatch, parseProviderProfile } from './provider-profile.js';

const production = { environment: 'production' } as const;

function parse(change: object): ProviderProfile {
  return parseProviderProfile({ name: 'acme', ...change }, production).profile;
}

function refusedPaths(body: object): string[] {
  try {
    parseProviderProfile(body, production);
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    expect(error.code).toBe('invalid_request');
    return (error.details ?? []).map((detail) => detail.path);
  }
  return [];
}

describe('a static provider without a schema', () => {
  it.each([
    ['api_key', null, ['api_key'], ['api_key']],
    ['header', null, ['api_key'], ['api_key']],
    ['query_param', { type: 'query_param', config: { param_name: 'key' } }, ['api_key'], ['api_key']],
    ['basic_auth', null, ['username', 'password'], ['username', 'password']],
    ['hmac_payload', { type: 'hmac_payload', config: { header_name: 'X-Sig' } }, ['api_secret'], ['api_secret']],
    [
      'aws_sigv4',
      { type: 'aws_sigv4', config: { service: 's3' } },
      ['access_key', 'secret_key', 'session_token'],
      ['access_key', 'secret_key'],
    ],
    ['api_key', { type: 'path' }, ['api_key'], ['api_key']],
    ['header', { type: 'headers', config: { headers: { A: '{one}', B: '{two}' } } }, ['one', 'two'], ['one', 'two']],
  ])('asks for the fields its strategy uses: %s %o', (authType, authStrategy, fields, required) => {
    const { credentialSchema } = parse({ auth_type: authType, auth_strategy: authStrategy });
    expect(Object.keys(credentialSchema?.properties ?? {})).toEqual(fields);
    expect(credentialSchema?.required).toEqual(required);
  });

  it('masks the key and names it for people', () => {
    expect(parse(keyBody).credentialSchema?.properties).toEqual({
      api_key: { type: 'string', title: 'API key', format: 'password' },
    });
  });
});

describe('a static provider with a schema', () => {
  const field = { type: 'string', title: 'Token' };

  it('keeps it, further fields included', () => {
    const schema = { type: 'object', properties: { api_key: field, site: field }, required: ['api_key'] };
    expect(parse({ auth_type: 'api_key', credential_schema: schema }).credentialSchema).toEqual(schema);
  });

  it('has to demand what its strategy uses', () => {
    const missing = { type: 'object', properties: { token: field }, required: ['token'] };
    expect(refusedPaths({ ...keyBody, credential_schema: missing })).toEqual(['credential_schema.required']);
    const optional = { type: 'object', properties: { api_key: field } };
    expect(refusedPaths({ ...keyBody, credential_schema: optional })).toEqual(['credential_schema.required']);
    const strategy = { type: 'header', config: { header_name: 'X-Token', credential_field: 'token' } };
    expect(refusedPaths({ ...keyBody, credential_schema: missing, auth_strategy: strategy })).toEqual([]);
  });

  it('may let the password of HTTP Basic be empty', () => {
    const schema = { type: 'object', properties: { username: field }, required: ['username'] };
    expect(refusedPaths({ name: 'a', auth_type: 'basic_auth', credential_schema: schema })).toEqual([]);
  });

  it('is told what is wrong with it and with its strategy by path', () => {
    expect(
      refusedPaths({ ...keyBody, credential_schema: { type: 'object', properties: { a: { type: 'number' } } } }),
    ).toEqual(['credential_schema.properties.a.type']);
    expect(refusedPaths({ ...keyBody, auth_strategy: { type: 'header', config: { header_name: 'Host' } } })).toEqual([
      'auth_strategy.config.header_name',
    ]);
    expect(refusedPaths({ name: 'a', auth_type: 'aws_sigv4' })).toEqual(['auth_strategy.config.service']);
  });

  it('needs a schema that fits when its strategy is changed later', () => {
    const existing = parse(keyBody);
    const strategy = { type: 'header', config: { credential_field: 'token' } };
    expect(() => mergeProviderPatch(existing, { auth_strategy: strategy }, production)).toThrow(NexusError);
    const { profile } = mergeProviderPatch(existing, { auth_strategy: strategy, credential_schema: null }, production);
    expect(profile.credentialSchema?.required).toEqual(['token']);
  });
});

describe('the two kinds of provider', () => {
  it('refuse the fields of the other kind', () => {
    for (const [name, value] of Object.entries({
      client_id: 'x',
      client_secret: 'x',
      issuer: 'https://a.example',
      enable_discovery: true,
      auth_url: 'https://a.example',
      token_url: 'https://a.example',
      revocation_endpoint: 'https://a.example',
      scope_separator: ',',
      pkce: 'required',
      token_endpoint_auth_method: 'client_secret_post',
      auth_header: 'client_secret_basic',
      params: { a: 'b' },
      revoke: { kills: 'token' },
      expose_id_token: true,
    })) {
      expect(refusedPaths({ ...keyBody, [name]: value })).toEqual([name]);
      expect(refusedPaths({ ...keyBody, [name]: null })).toEqual([]);
    }
    expect(refusedPaths({ ...oauthBody, credential_schema: {} })).toEqual(['credential_schema']);
    expect(refusedPaths({ ...oauthBody, probe: { path: '/me' } })).toEqual(['probe']);
    expect(refusedPaths({ ...oauthBody, auth_strategy: { type: 'header' } })).toEqual(['auth_strategy.type']);
    expect(refusedPaths({ ...oauthBody, auth_strategy: { type: 'oauth2' } })).toEqual([]);
  });
});

describe('probe', () => {
  it('has a method and a path, absolute or below the API', () => {
    expect(parse({ ...keyBody, probe: { path: '/check' } }).probe).toEqual({ ...plainProbe, path: '/check' });
    const posted = parse({ ...keyBody, probe: { method: 'POST', path: 'https://b.example/check' } });
    expect(posted.probe).toEqual({ ...plainProbe, method: 'POST', path: 'https://b.example/check' });
    expect(listProviderUrls(posted)).toContain('https://b.example/check');
  });

  it('may hold the placeholders of the path strategy', () => {
    const body = { ...keyBody, auth_strategy: { type: 'path' }, probe: { path: '/bot{api_key}/getMe' } };
    expect(parse(body).probe?.path).toBe('/bot{api_key}/getMe');
  });

  it('is told what is wrong with it by path', () => {
    expect(refusedPaths({ ...keyBody, probe: {} })).toEqual(['probe.path']);
    expect(refusedPaths({ ...keyBody, probe: { path: '//evil.example' } })).toEqual(['probe.path']);
    expect(refusedPaths({ ...keyBody, probe: { path: '/x', method: 'DELETE' } })).toEqual(['probe.method']);
    expect(refusedPaths({ ...keyBody, probe: { path: '/x', url: '/y' } })).toEqual(['probe.url']);
    expect(refusedPaths({ ...keyBody, probe: '/x' })).toEqual(['probe']);
  });
});
