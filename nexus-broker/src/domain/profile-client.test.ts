import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { isReservedParameter, reservedParameters } from './profile-client.js';
import { oauthBody } from './profile-fixture.test-data.js';
import { mergeProviderPatch, parseProviderProfile, parseReplacement } from './provider-profile.js';

const production = { environment: 'production' } as const;
const existing = parseProviderProfile(oauthBody, production).profile;

function refusal(call: () => unknown): NexusError {
  try {
    call();
  } catch (error) {
    if (error instanceof NexusError) return error;
    throw error;
  }
  throw new Error('the profile was accepted');
}

function refusedPaths(change: object): string[] {
  const error = refusal(() => parseProviderProfile({ ...oauthBody, ...change }, production));
  expect(error.code).toBe('invalid_request');
  return (error.details ?? []).map((detail) => detail.path);
}

describe('params', () => {
  it('H9: refuses every protocol parameter in any letter case, at POST and at PATCH', () => {
    expect(reservedParameters).toHaveLength(11);
    for (const name of reservedParameters) {
      const title = name.replace(/^./, (char) => char.toUpperCase());
      for (const spelled of [name, name.toUpperCase(), title, ` ${name}`, `${name}\t`, [...name].map(flip).join('')]) {
        const params = { prompt: 'consent', [spelled]: 'x' };
        expect(refusal(() => parseProviderProfile({ ...oauthBody, params }, production)).code).toBe(
          'reserved_parameter',
        );
        expect(refusal(() => mergeProviderPatch(existing, { params }, production)).code).toBe('reserved_parameter');
        expect(isReservedParameter(spelled)).toBe(true);
      }
    }
  });

  it('H9: says so even when other fields are wrong as well', () => {
    const body = { ...oauthBody, name: 'NOT VALID', nope: 1, token_url: 'http://x', params: { state: 'x' } };
    expect(refusal(() => parseProviderProfile(body, production)).code).toBe('reserved_parameter');
  });

  it('refuses names that some reader might take for a reserved one', () => {
    for (const name of ['', 'state[]', '\u017ftate', 'sta te', 'state\0', 'a&state', 'a=b', '__proto__', 'é', '-a']) {
      const params = JSON.parse(`{${JSON.stringify(name)}:"x"}`);
      expect(refusedPaths({ params }), name).toHaveLength(1);
    }
  });

  it('refuses secrets, which would travel through a browser', () => {
    for (const name of ['client_secret', 'Client_Secret', 'client_assertion', 'code_verifier', 'refresh_token']) {
      expect(refusedPaths({ params: { [name]: 'x' } })).toEqual([`params.${name}`]);
    }
  });

  it('takes strings, numbers and booleans of a bounded size', () => {
    for (const value of [null, [], {}, 'a\nb', 'a\0', 'x'.repeat(1025), '\ud800']) {
      expect(refusedPaths({ params: { a: value } })).toEqual(['params.a']);
    }
    const many = Object.fromEntries(Array.from({ length: 31 }, (_, index) => [`p${index}`, 'x']));
    expect(refusedPaths({ params: many })).toEqual(['params']);
    expect(refusedPaths({ params: [] })).toEqual(['params']);
  });
});

describe('client', () => {
  it('takes one secret or a short list of different ones', () => {
    const secretsOf = (client_secret: unknown) =>
      parseProviderProfile({ ...oauthBody, client_secret }, production).clientSecrets;
    expect(secretsOf('a b~')).toEqual(['a b~']);
    expect(secretsOf(['a', 'b', 'c', 'd', 'e'])).toEqual(['a', 'b', 'c', 'd', 'e']);
    for (const [wrong, path] of [
      ['', 'client_secret'],
      [7, 'client_secret'],
      [{}, 'client_secret'],
      ['a\nb', 'client_secret'],
      ['x'.repeat(4097), 'client_secret'],
      [[], 'client_secret'],
      [['a', 'b', 'c', 'd', 'e', 'f'], 'client_secret'],
      [['a', 'a'], 'client_secret'],
      [['a', ''], 'client_secret[1]'],
      [['a', 7], 'client_secret[1]'],
    ] as const) {
      expect(refusedPaths({ client_secret: wrong }), JSON.stringify(wrong)).toContain(path);
    }
  });

  it('takes a private key in PEM, whose lines nothing else may be in', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nZml4dHVyZS1rZXk=\n-----END PRIVATE KEY-----\n';
    const body = { ...oauthBody, token_endpoint_auth_method: 'private_key_jwt', client_secret: pem };
    const { profile, clientSecrets } = parseProviderProfile(body, production);
    expect([profile.tokenEndpointAuthMethod, clientSecrets]).toEqual(['private_key_jwt', [pem]]);
    for (const wrong of [`${pem}x`, pem.replace('Zm', 'Z-m'), pem.replaceAll('PRIVATE', 'PUBLIC'), `\n${pem}`]) {
      expect(refusedPaths({ client_secret: wrong }), JSON.stringify(wrong)).toContain('client_secret');
    }
  });

  it('S-9: demands the secret again where a key becomes a password, or a password a key', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nZml4dHVyZS1rZXk=\n-----END PRIVATE KEY-----\n';
    const signed = { ...oauthBody, token_endpoint_auth_method: 'private_key_jwt', client_secret: pem };
    const { client_secret: _, ...unsaid } = oauthBody;
    const methods = [
      [parseProviderProfile(signed, production).profile, 'client_secret_post'],
      [existing, 'private_key_jwt'],
    ] as const;
    for (const [profile, token_endpoint_auth_method] of methods) {
      const change = { token_endpoint_auth_method };
      const patched = refusal(() => mergeProviderPatch(profile, change, production));
      const replaced = refusal(() => parseReplacement(profile, { ...unsaid, ...change }, production));
      for (const { details } of [patched, replaced])
        expect(details?.map(({ path }) => path)).toEqual(['client_secret']);
      const sent = mergeProviderPatch(profile, { ...change, client_secret: 'fixture-other' }, production);
      expect(sent.profile.tokenEndpointAuthMethod).toBe(token_endpoint_auth_method);
    }
    const other = mergeProviderPatch(existing, { token_endpoint_auth_method: 'client_secret_post' }, production);
    expect(other.clientSecrets).toBeNull();
  });

  it('never repeats a refused secret', () => {
    const error = refusal(() =>
      parseProviderProfile({ ...oauthBody, client_secret: 'canary\n', client_id: 'canary\n' }, production),
    );
    expect(JSON.stringify([error.message, error.details])).not.toContain('canary');
  });

  it('needs a secret exactly where the authentication method uses one', () => {
    const { client_secret: _, ...open } = oauthBody;
    const methodOf = (change: object) =>
      parseProviderProfile({ ...open, ...change }, production).profile.tokenEndpointAuthMethod;
    expect(methodOf({})).toBe('none');
    expect(methodOf({ client_secret: 's' })).toBe('client_secret_basic');
    expect(methodOf({ client_secret: null })).toBe('none');
    expect(methodOf({ auth_header: 'client_secret_post', client_secret: 's' })).toBe('client_secret_post');
    expect(refusedPaths({ client_secret: null, token_endpoint_auth_method: 'client_secret_basic' })).toEqual([
      'client_secret',
    ]);
    expect(refusedPaths({ token_endpoint_auth_method: 'none' })).toEqual(['client_secret']);
    expect(refusedPaths({ token_endpoint_auth_method: 'tls_client_auth' })).toEqual(['token_endpoint_auth_method']);
    expect(refusedPaths({ client_secret: null, token_endpoint_auth_method: 'private_key_jwt' })).toEqual([
      'client_secret',
    ]);
    expect(
      refusedPaths({ token_endpoint_auth_method: 'client_secret_basic', auth_header: 'client_secret_post' }),
    ).toEqual(['auth_header']);
    expect(refusedPaths({ client_id: null })).toEqual(['client_id']);
  });

  it('takes a closed list of what a revocation kills', () => {
    expect(refusedPaths({ revoke: { kills: 'all' } })).toEqual(['revoke.kills']);
    expect(refusedPaths({ revoke: { kills: 'token', url: 'x' } })).toEqual(['revoke.url']);
    expect(refusedPaths({ revoke: 'token' })).toEqual(['revoke']);
  });
});

function flip(char: string, index: number): string {
  return index % 2 === 0 ? char.toUpperCase() : char;
}
