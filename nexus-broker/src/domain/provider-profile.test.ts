import { NexusError } from '@nexus/core/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { issuerBody, keyBody, oauthBody } from './profile-fixture.test-data.js';
import { plainQuirks } from './profile-quirks.js';
import type { Provider, ProviderProfile } from './provider.js';
import { listProviderUrls, mergeProviderPatch, parseProviderProfile, unwrapProfile } from './provider-profile.js';
import { measureQuickest } from './quickest-run.test-data.js';
import { toWireProfile } from './wire-profile.js';

const production = { environment: 'production' } as const;

function parse(body: unknown): ProviderProfile {
  return parseProviderProfile(body, production).profile;
}

function refusal(call: () => unknown): NexusError {
  try {
    call();
  } catch (error) {
    if (error instanceof NexusError) return error;
    throw error;
  }
  throw new Error('the profile was accepted');
}

function refusedPaths(body: unknown): string[] {
  const error = refusal(() => parse(body));
  expect(error.code).toBe('invalid_request');
  return (error.details ?? []).map((detail) => detail.path);
}

function store(profile: ProviderProfile): Provider {
  return {
    providerId: '01JPROVIDER',
    version: 3,
    profile,
    sealedSecrets: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-02T00:00:00.000Z',
    deletedAt: null,
  };
}

describe('parseProviderProfile', () => {
  it('fills in every default of an OAuth provider', () => {
    expect(parseProviderProfile(oauthBody, production)).toEqual({
      profile: {
        name: 'acme',
        displayName: 'acme',
        description: null,
        category: null,
        logoUrl: null,
        docsUrl: null,
        authType: 'oauth2',
        clientId: 'client-1',
        issuer: null,
        enableDiscovery: false,
        authUrl: 'https://acme.example/authorize',
        tokenUrl: 'https://acme.example/token',
        userInfoEndpoint: null,
        revocationEndpoint: null,
        apiBaseUrl: null,
        allowedOrigins: [],
        scopes: ['read', 'write'],
        scopeSeparator: ' ',
        pkce: 'supported',
        params: {},
        downscope: null,
        errors: {},
        allowWiderToken: false,
        exposeIdToken: false,
        tokenEndpointAuthMethod: 'client_secret_basic',
        credentialSchema: null,
        authStrategy: { type: 'oauth2', config: {} },
        refreshUrl: null,
        introspectionEndpoint: null,
        template: null,
        ...plainQuirks,
      },
      clientSecrets: ['fixture-secret'],
    });
  });

  it('reads every field of the contract', () => {
    const profile = parse({
      ...issuerBody,
      display_name: 'Acme ID',
      description: 'Two\nlines',
      category: 'Identity',
      logo_url: 'data:image/png;base64,AAAA',
      docs_url: 'https://docs.acme.example/x?y#z',
      enable_discovery: true,
      revocation_endpoint: 'https://id.acme.example/revoke',
      token_endpoint_auth_method: 'client_secret_post',
      auth_header: 'client_secret_post',
      api_base_url: 'https://api.acme.example/',
      user_info_endpoint: 'users/me?full=1',
      allowed_origins: ['https://other.acme.example'],
      scope_separator: ',',
      pkce: 'required',
      params: { prompt: 'consent', max_age: 60, access: true, 'x-y.z': '' },
      revoke: { kills: 'grant' },
      downscope: { via: 'token_exchange' },
      refresh: { rotation: 'strict', grace_seconds: 30, idle_lifetime: 7_776_000, calls_per_second: 5 },
      errors: { refresh_token_not_found: 'final' },
      allow_wider_token: true,
      expose_id_token: true,
    });
    expect(profile).toMatchObject({
      displayName: 'Acme ID',
      tokenEndpointAuthMethod: 'client_secret_post',
      params: { prompt: 'consent', max_age: '60', access: 'true', 'x-y.z': '' },
      revoke: { ...plainQuirks.revoke, kills: 'grant' },
      downscope: 'token_exchange',
      refresh: {
        rotation: 'strict',
        graceSeconds: 30,
        idleLifetimeSeconds: 7_776_000,
        concurrency: 8,
        callsPerSecond: 5,
      },
      errors: { refresh_token_not_found: 'final' },
      pkce: 'required',
      scopeSeparator: ',',
      userInfoEndpoint: 'users/me?full=1',
      exposeIdToken: true,
      allowWiderToken: true,
    });
    expect(listProviderUrls(profile)).toEqual([
      'https://id.acme.example',
      'https://id.acme.example/revoke',
      'https://api.acme.example/',
      'https://api.acme.example/users/me?full=1',
      'https://other.acme.example',
    ]);
  });

  it('turns discovery on for an issuer, whose keys verify ID tokens, unless it is switched off', () => {
    expect(parse(issuerBody).enableDiscovery).toBe(true);
    expect(parse({ ...oauthBody, issuer: 'https://acme.example' }).enableDiscovery).toBe(true);
    expect(parse({ ...oauthBody, issuer: 'https://acme.example', enable_discovery: false }).enableDiscovery).toBe(
      false,
    );
    expect(refusedPaths({ ...issuerBody, enable_discovery: false })).toEqual(['auth_url', 'token_url']);
    expect(refusedPaths({ ...oauthBody, enable_discovery: true })).toEqual(['issuer']);
    expect(refusedPaths({ ...oauthBody, token_url: null })).toEqual(['token_url']);
  });

  it('refuses scope openid without an issuer that its ID token could be checked against', () => {
    expect(refusedPaths({ ...oauthBody, scopes: ['openid'] })).toEqual(['scopes']);
    expect(parse(issuerBody).scopes).toContain('openid');
  });

  it('names every field that is unknown or of another type', () => {
    expect(refusedPaths({ ...oauthBody, clientId: 'x', scope: 'y' })).toEqual(['clientId', 'scope']);
    expect(refusedPaths(JSON.parse('{"name":"a","auth_type":"api_key","__proto__":{"x":1}}'))).toEqual(['__proto__']);
    const known = Object.keys(toWireProfile(store(parse(oauthBody))));
    const readOnly = ['id', 'version', 'created_at', 'updated_at', 'client_secret_set'];
    for (const name of known.filter((field) => !readOnly.includes(field))) {
      for (const wrong of [7, 'x\0y', [[]], { a: { b: 1 } }]) {
        if (name === 'params' && typeof wrong === 'object' && !Array.isArray(wrong)) {
          expect(refusedPaths({ ...oauthBody, params: wrong })).toEqual(['params.a']);
          continue;
        }
        const error = refusal(() => parse({ ...oauthBody, [name]: wrong }));
        expect(['invalid_request', 'provider_unsafe'], name).toContain(error.code);
        expect(`${error.message}${JSON.stringify(error.details)}`).toContain(name);
      }
    }
    for (const name of readOnly) expect(refusedPaths({ ...oauthBody, [name]: 'x' })).toEqual([name]);
  });

  it('takes the recipes it knows, with the fields they have', () => {
    expect(refusedPaths({ ...oauthBody, downscope: { via: null } })).toEqual(['downscope.via']);
    for (const wrong of ['scope', '', ['refresh'], 'toString']) {
      expect(refusedPaths({ ...oauthBody, downscope: { via: wrong } })).toEqual(['downscope.via']);
      expect(refusedPaths({ ...oauthBody, revoke: { kills: wrong } })).toEqual(['revoke.kills']);
    }
    expect(refusedPaths({ ...oauthBody, downscope: { via: 'refresh', scope: 'x' } })).toEqual(['downscope.scope']);
    const refresh = { rotation: 'often', grace: 3 };
    expect(refusedPaths({ ...oauthBody, refresh })).toEqual(['refresh.grace', 'refresh.rotation']);
    expect(refusedPaths({ ...oauthBody, errors: { 'a b': 'final', gone: 'dead' } })).toEqual([
      'errors.a b',
      'errors.gone',
    ]);
  });

  it('refuses names that are not plain', () => {
    for (const name of ['', 'Acme', 'a_b', '-a', 'a b', 'é', 'a/b', '..', 'a'.repeat(64), 'a\n', 'a%2f']) {
      expect(refusedPaths({ ...oauthBody, name })).toEqual(['name']);
    }
    expect(parse({ ...oauthBody, name: `0${'a-'.repeat(31)}` }).displayName).toHaveLength(63);
    expect(refusedPaths({ ...oauthBody, display_name: 'a\u202eb' })).toEqual(['display_name']);
    expect(refusedPaths({ auth_type: 'api_key' })).toEqual(['name']);
    expect(refusedPaths({ name: 'a' })).toEqual(['auth_type']);
    expect(refusedPaths({ name: 'a', auth_type: 'toString' })).toEqual(['auth_type']);
  });

  it('K13: treats SQL as text, and lets none of it into a name', () => {
    for (const text of [
      "' or 1=1 --",
      "'; drop table provider; --",
      '" or ""="',
      "') union select 1 --",
      "x\\' or 1",
    ]) {
      expect(refusedPaths({ ...oauthBody, name: text })).toEqual(['name']);
      const profile = parse({ ...oauthBody, display_name: text, description: text, params: { hint: text } });
      expect([profile.displayName, profile.description, profile.params['hint']]).toEqual([text, text, text]);
    }
  });

  it('refuses links that would run or show something else', () => {
    for (const docs of [
      'javascript:alert(1)',
      'http://a.example',
      '//a.example',
      'https://u@a.example',
      'https://',
      'x',
    ]) {
      expect(refusedPaths({ ...oauthBody, docs_url: docs })).toEqual(['docs_url']);
      expect(refusedPaths({ ...oauthBody, logo_url: docs })).toEqual(['logo_url']);
    }
    for (const logo of ['data:text/html;base64,AAAA', 'data:image/png,AAAA', 'data:image/png;base64,A"A']) {
      expect(refusedPaths({ ...oauthBody, logo_url: logo })).toEqual(['logo_url']);
    }
    expect(refusedPaths({ ...oauthBody, logo_url: `data:image/png;base64,${'A'.repeat(32_768)}` })).toEqual([
      'logo_url',
    ]);
  });

  it('takes scopes as single tokens', () => {
    for (const scope of ['', 'a b', 'a"b', 'a\\b', 'é', 'a\n', 'x'.repeat(256), 7]) {
      expect(refusedPaths({ ...oauthBody, scopes: [scope] })).toEqual(['scopes[0]']);
    }
    expect(refusedPaths({ ...oauthBody, scopes: ['a,b'], scope_separator: ',' })).toEqual(['scopes[0]']);
    expect(refusedPaths({ ...oauthBody, scopes: ['a', 'a'] })).toEqual(['scopes']);
    expect(refusedPaths({ ...oauthBody, scopes: 'a b' })).toEqual(['scopes']);
    expect(refusedPaths({ ...oauthBody, scopes: Array.from({ length: 101 }, (_, index) => `s${index}`) })).toEqual([
      'scopes',
    ]);
  });

  it('never answers with anything but a NexusError, whatever JSON it is given', () => {
    const field = fc.constantFrom(...Object.keys(toWireProfile(store(parse(oauthBody)))), 'client_secret', 'profile');
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue(), { maxKeys: 6 }), fc.jsonValue(), (changes, whole) => {
        for (const body of [whole, changes, { ...oauthBody, ...changes }, { ...keyBody, ...changes }]) {
          for (const call of [
            () => parseProviderProfile(body, production),
            () => mergeProviderPatch(parse(keyBody), body, production),
            () => unwrapProfile(body),
          ]) {
            try {
              call();
            } catch (error) {
              expect(error).toBeInstanceOf(NexusError);
              expect((error as NexusError).status).toBeLessThan(500);
            }
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('G8: decides about the longest text of every field in time', () => {
    const names = Object.keys(toWireProfile(store(parse(oauthBody))));
    for (const long of [
      'a'.repeat(65_000),
      '%25'.repeat(21_000),
      '{'.repeat(65_000),
      'https://a.example/'.repeat(3600),
    ]) {
      for (const name of names) {
        const work = () => refusal(() => parse({ ...oauthBody, [name]: long }));
        expect(measureQuickest(work, 10), name).toBeLessThan(10);
      }
    }
  });
});

describe('unwrapProfile', () => {
  it('accepts the profile itself or an envelope with nothing else in it', () => {
    expect(unwrapProfile(oauthBody)).toBe(oauthBody);
    expect(unwrapProfile({ profile: oauthBody })).toBe(oauthBody);
    const both = { profile: oauthBody, name: 'x' };
    expect(unwrapProfile(both)).toBe(both);
    for (const wrong of [null, [], 'x', 7, undefined]) {
      expect(refusal(() => unwrapProfile(wrong)).code).toBe('invalid_request');
    }
  });
});

describe('toWireProfile', () => {
  it('B3: shows every field, and of the secrets only whether there are any', () => {
    const wire = toWireProfile(store(parse(oauthBody)));
    expect(wire).toMatchObject({ id: '01JPROVIDER', client_secret_set: false, version: 3, name: 'acme' });
    expect(wire.auth_strategy).toEqual({ type: 'oauth2' });
    expect(Object.keys(wire)).not.toContain('client_secret');
    expect(JSON.stringify(wire)).not.toContain('fixture-secret');
    expect(Object.values(wire)).not.toContain(undefined);
  });

  it('reads back as the same profile', () => {
    for (const body of [oauthBody, issuerBody, keyBody]) {
      const profile = parse(body);
      const { id, version, created_at, updated_at, client_secret_set, template, ...fields } = toWireProfile(
        store(profile),
      );
      const secret = 'client_secret' in body ? { client_secret: body.client_secret } : {};
      expect(parse(JSON.parse(JSON.stringify({ ...fields, ...secret }))), id).toEqual(profile);
    }
  });
});
