import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { createProvider } from '../stores/store-fixture.js';
import { listSecretOrigins } from './placed-urls.js';
import { keyBody, oauthBody } from './profile-fixture.test-data.js';
import { findLiftedProblem, placeProvider, readInputs } from './profile-places.js';
import type { Provider } from './provider.js';
import { parseProviderProfile } from './provider-profile.js';

const tenantBody = {
  ...oauthBody,
  auth_url: 'https://{subdomain}.acme.example/authorize',
  token_url: 'https://{subdomain}.acme.example/token',
  api_base_url: '{instance_url}/v1',
  inputs: {
    subdomain: { title: 'Subdomain', pattern: '[a-z0-9-]+' },
    plan: { title: 'Plan', options: ['a', 'b'], default: 'a' },
  },
  params: { tenant: '{subdomain}' },
  account: { values: { instance_url: { from: 'token', path: 'instance_url', allowed_hosts: ['.acme.example'] } } },
};

function parse(change: object = {}) {
  return parseProviderProfile({ ...tenantBody, ...change }, { environment: 'production' }).profile;
}

function register(change: object = {}): Provider {
  return createProvider({ profile: parse(change) });
}

function refused(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof NexusError) return error.details?.map(({ path }) => path) ?? [error.code];
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a profile with placeholders', () => {
  it('declares each of them, and hosts with the hosts they may be', () => {
    expect(refused(() => parse({ inputs: {} }))).toEqual(['auth_url', 'token_url']);
    expect(refused(() => parse({ account: {} }))).toEqual(['api_base_url']);
    expect(refused(() => parse({ account: { values: { instance_url: { path: 'x' } } } }))).toEqual([
      'account.values.instance_url.allowed_hosts',
    ]);
    expect(
      refused(() =>
        parse({
          auth_url: 'https://{host}/authorize',
          inputs: { ...tenantBody.inputs, host: { title: 'H' } },
          allowed_origins: ['https://{subdomain}.acme.example'],
        }),
      ),
    ).toEqual(['inputs.host.allowed_hosts']);
    const both = { values: { ...tenantBody.account.values, subdomain: { path: 'x' } } };
    expect(refused(() => parse({ account: both }))).toEqual(['account.values.subdomain']);
    const far = { plan: { title: 'Plan', options: ['a'], default: 'c' } };
    expect(refused(() => parse({ inputs: { ...tenantBody.inputs, ...far } }))).toEqual(['inputs.plan.default']);
  });

  it('does not need a value before the provider has told it', () => {
    const values = (from: string, more: object = { required: true }) => ({
      values: { instance_url: { from, path: 'x', allowed_hosts: ['.acme.example'], ...more } },
    });
    const early = { auth_url: 'https://acme.example/a', token_url: '{instance_url}/token', inputs: {}, params: {} };
    expect(refused(() => parse({ ...early, account: values('token') }))).toEqual(['token_url']);
    expect(parse({ ...early, account: values('callback') }).tokenUrl).toBe('{instance_url}/token');
    expect(refused(() => parse({ ...early, account: values('callback', {}) }))).toEqual(['token_url']);
    expect(refused(() => parse({ ...early, auth_url: '{instance_url}/a', account: values('callback') }))).toEqual([
      'auth_url',
    ]);
  });

  it('S-1: a host that another party could own is refused', () => {
    for (const url of [
      'https://{subdomain}.example/a',
      'https://acme.{subdomain}/a',
      'https://a{subdomain}.acme.example/a',
    ])
      expect(
        refused(() => parse({ auth_url: url, token_url: url })),
        url,
      ).toEqual(['provider_unsafe']);
    expect(refused(() => parse({ token_url: 'https://{subdomain}.evil.example/token' }))).toEqual(['provider_unsafe']);
    const listed = parse({
      token_url: 'https://{subdomain}.acme.test/token',
      allowed_origins: ['https://{subdomain}.acme.test'],
    });
    expect(listed.allowedOrigins).toEqual(['https://{subdomain}.acme.test']);
  });

  it('tells every origin that will receive a secret, and every host a value may name', () => {
    expect(listSecretOrigins(parse())).toEqual(['https://{subdomain}.acme.example', '.acme.example']);
    const recipe = { via: 'http', request: { url: 'https://{subdomain}.acme.example/x/{token}' } };
    expect(parse({ revoke: recipe }).revoke.request?.url).toContain('{token}');
    expect(
      refused(() => parse({ revoke: { via: 'http', request: { url: 'https://{subdomain}.acme.example/{other}' } } })),
    ).toEqual(['revoke.request.url']);
  });
});

describe('a value that the account request tells', () => {
  const told = (change: object) => ({
    inputs: { subdomain: tenantBody.inputs.subdomain },
    params: {},
    account: { values: { instance_url: { from: 'userinfo', path: 'x', allowed_hosts: ['.acme.example'] } } },
    ...change,
  });

  it('S-9: stands in the base of the API, and in no URL that a credential is sealed with', () => {
    const me = 'https://{subdomain}.acme.example/me';
    expect(parse(told({ user_info_endpoint: me })).apiBaseUrl).toBe('{instance_url}/v1');
    for (const field of ['refresh_url', 'revocation_endpoint', 'introspection_endpoint'])
      expect(
        refused(() => parse(told({ [field]: '{instance_url}/x' }))),
        field,
      ).toEqual([field]);
    const revoke = { via: 'http', request: { url: '{instance_url}/x' } };
    expect(refused(() => parse(told({ revoke })))).toEqual(['revoke.request.url']);
  });

  it('is not needed by the request that tells it', () => {
    expect(refused(() => parse(told({ user_info_endpoint: '/me' })))).toEqual(['user_info_endpoint']);
    const { account } = told({});
    const request = { request: { url: '/me' }, ...account };
    expect(refused(() => parse(told({ account: request })))).toEqual(['account.request.url']);
    const own = { request: { url: '{instance_url}/me' }, ...account };
    expect(refused(() => parse(told({ account: own })))).toEqual(['account.request.url']);
  });
});

describe('the probe of a static provider', () => {
  const probed = (path: string, input: object = {}) =>
    parseProviderProfile(
      { ...keyBody, inputs: { place: { title: 'Place', ...input } }, probe: { path } },
      { environment: 'production' },
    ).profile;

  it('S-1: has the host rules of any URL, for a typed-in key goes there', () => {
    const profile = probed('https://{place}.acme.example/me');
    expect(readInputs(profile, { place: 'eu' })).toEqual({ place: 'eu' });
    for (const place of ['evil.example/x?', 'a.b', '..'])
      expect(
        refused(() => readInputs(profile, { place })),
        place,
      ).toEqual(['inputs.place']);
    expect(refused(() => probed('https://{place}/me'))).toEqual(['inputs.place.allowed_hosts']);
    expect(probed('https://{place}/me', { allowed_hosts: ['.acme.example'] }).probe?.path).toBe('https://{place}/me');
    expect(refused(() => probed('https://{api_key}.acme.example/me'))).toEqual(['probe.path']);
    expect(refused(() => readInputs(probed('/v1/{place}/me'), { place: '..' }))).toEqual(['inputs.place']);
  });

  it('may have fields of the credential in its path', () => {
    expect(probed('/v1/{place}/{api_key}').probe?.path).toBe('/v1/{place}/{api_key}');
  });
});

describe('inputs of a connection', () => {
  const profile = parse();

  it('have their defaults, and are told what is wrong with each', () => {
    expect(readInputs(profile, { subdomain: 'acme' })).toEqual({ subdomain: 'acme', plan: 'a' });
    expect(readInputs(profile, { subdomain: 'acme', plan: 'b' })).toEqual({ subdomain: 'acme', plan: 'b' });
    expect(refused(() => readInputs(profile, {}))).toEqual(['inputs.subdomain']);
    expect(refused(() => readInputs(profile, { subdomain: 'a.b', plan: 'c', other: 'x' }))).toEqual([
      'inputs.other',
      'inputs.subdomain',
      'inputs.plan',
    ]);
    expect(
      refused(() =>
        readInputs(parse({ inputs: { subdomain: tenantBody.inputs.subdomain } }), {
          constructor: 'x',
          subdomain: 'a',
        } as never),
      ),
    ).toEqual(['inputs.constructor']);
  });

  it('S-1: never leave the host they belong to', () => {
    for (const subdomain of [
      'evil.example/',
      'a.b',
      '@evil',
      'evil.example#',
      'a:80',
      'é',
      '',
      '127.0.0.1',
      'a'.repeat(254),
    ])
      expect(
        refused(() => readInputs(profile, { subdomain })),
        subdomain,
      ).toEqual(['inputs.subdomain']);
  });
});

describe('the provider of one connection', () => {
  it('has its placeholders filled everywhere', () => {
    const values = { subdomain: 'acme', plan: 'a', instance_url: 'https://eu.acme.example' };
    const { profile } = placeProvider(register(), values);
    expect(profile).toMatchObject({
      authUrl: 'https://acme.acme.example/authorize',
      tokenUrl: 'https://acme.acme.example/token',
      apiBaseUrl: 'https://eu.acme.example/v1',
      params: { tenant: 'acme' },
    });
  });

  it('S-1: has no URL from a value that is not allowed, or not any more', () => {
    const { profile } = placeProvider(register(), { subdomain: 'a.b', instance_url: 'https://evil.example' });
    expect(profile.apiBaseUrl).toBeNull();
    expect(profile.tokenUrl).toBe('https://{subdomain}.acme.example/token');
    expect(findLiftedProblem(parse(), 'instance_url', 'https://evil.example')).not.toBeNull();
    expect(findLiftedProblem(parse(), 'instance_url', 'https://eu.acme.example')).toBeNull();
  });

  it('S-1: has the default of a value that nobody gave, never in the place of one that is not allowed any more', () => {
    const value = { from: 'token', path: 'x', allowed_hosts: ['.acme.example'], default: 'https://a.acme.example' };
    const provider = register({ account: { values: { instance_url: value } } });
    const baseOf = (values: { readonly [name: string]: string }) => placeProvider(provider, values).profile.apiBaseUrl;
    expect(baseOf({ subdomain: 'acme' })).toBe('https://a.acme.example/v1');
    expect(baseOf({ subdomain: 'acme', instance_url: 'https://b.acme.example' })).toBe('https://b.acme.example/v1');
    expect(baseOf({ subdomain: 'acme', instance_url: 'https://former.example' })).toBeNull();
    const tight = { subdomain: { title: 'Subdomain', pattern: '[a-z]+', default: 'acme' } };
    const pinned = register({ inputs: { ...tenantBody.inputs, ...tight } });
    expect(placeProvider(pinned, { subdomain: 'foo1' }).profile.tokenUrl).toContain('{subdomain}');
  });

  it('is the provider itself where nothing differs', () => {
    const provider = createProvider();
    expect(placeProvider(provider, { subdomain: 'x' })).toBe(provider);
  });
});
