import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { issuerBody, keyBody, oauthBody } from './profile-fixture.test-data.js';
import type { ProviderProfile } from './provider.js';
import { mergeProviderPatch, parseProviderProfile } from './provider-profile.js';

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

describe('mergeProviderPatch', () => {
  function patch(existing: object, changes: unknown) {
    return mergeProviderPatch(parse(existing), changes, production);
  }

  it('changes the fields it names and no other', () => {
    for (const body of [oauthBody, issuerBody, keyBody]) {
      const before = parse(body);
      expect(patch(body, {})).toEqual({ profile: before, clientSecrets: null });
      expect(patch(body, { display_name: 'New' }).profile).toEqual({ ...before, displayName: 'New' });
    }
  });

  it('gives a field its default back for null', () => {
    const body = { ...oauthBody, display_name: 'Acme', description: 'x', pkce: 'required', params: { a: 'b' } };
    const { profile } = patch(body, { display_name: null, description: null, pkce: null, params: null });
    expect(profile).toEqual(parse(oauthBody));
    expect(refusal(() => patch(oauthBody, { name: null })).details?.[0]?.path).toBe('name');
    expect(refusal(() => patch(oauthBody, { client_id: null })).details?.[0]?.path).toBe('client_id');
    expect(refusal(() => patch(oauthBody, { nope: null })).details?.[0]?.path).toBe('nope');
  });

  it('changes how a narrower token is minted, and keeps it when another field changes', () => {
    const narrowing = { ...oauthBody, downscope: { via: 'refresh' } };
    expect(patch(narrowing, { display_name: 'New' }).profile.downscope).toBe('refresh');
    expect(patch(narrowing, { downscope: { via: 'token_exchange' } }).profile.downscope).toBe('token_exchange');
    expect(patch(narrowing, { downscope: null }).profile.downscope).toBeNull();
    expect(refusal(() => patch(narrowing, { downscope: 'refresh' })).details?.[0]?.path).toBe('downscope');
  });

  it('validates the result as a whole', () => {
    expect(refusal(() => patch(oauthBody, { scopes: ['openid'] })).details?.[0]?.path).toBe('scopes');
    expect(refusal(() => patch(oauthBody, { token_url: 'https://other.example/token' })).code).toBe('provider_unsafe');
    const moved = { token_url: 'https://other.example/token', allowed_origins: ['https://other.example'] };
    expect(patch(oauthBody, moved).profile.tokenUrl).toBe(moved.token_url);
    const explicit = { issuer: null, scopes: [], auth_url: oauthBody.auth_url, token_url: oauthBody.token_url };
    expect(patch(issuerBody, explicit).profile.enableDiscovery).toBe(false);
  });

  it('keeps secrets, replaces them, and removes them only together with their use', () => {
    expect(patch(oauthBody, { pkce: 'required' }).clientSecrets).toBeNull();
    expect(patch(oauthBody, { client_secret: 'next' }).clientSecrets).toEqual(['next']);
    expect(refusal(() => patch(oauthBody, { client_secret: null })).details?.[0]?.path).toBe('client_secret');
    const { profile, clientSecrets } = patch(oauthBody, { client_secret: null, token_endpoint_auth_method: 'none' });
    expect([profile.tokenEndpointAuthMethod, clientSecrets]).toEqual(['none', []]);
  });

  it('makes a public client confidential when it is given a secret', () => {
    const { client_secret: _, ...open } = oauthBody;
    expect(parse(open).tokenEndpointAuthMethod).toBe('none');
    const { profile, clientSecrets } = patch(open, { client_secret: 's' });
    expect([profile.tokenEndpointAuthMethod, clientSecrets]).toEqual(['client_secret_basic', ['s']]);
    expect(refusal(() => patch(open, { auth_header: 'client_secret_post' })).details?.[0]?.path).toBe('client_secret');
  });

  it('understands the alias of the authentication method', () => {
    expect(patch(oauthBody, { auth_header: 'client_secret_post' }).profile.tokenEndpointAuthMethod).toBe(
      'client_secret_post',
    );
    const both = { auth_header: 'client_secret_post', token_endpoint_auth_method: 'client_secret_basic' };
    expect(refusal(() => patch(oauthBody, both)).details?.[0]?.path).toBe('auth_header');
  });

  it('does not turn one kind of credential into another', () => {
    expect(refusal(() => patch(oauthBody, { auth_type: 'api_key' })).details?.[0]?.path).toBe('auth_type');
    expect(patch(oauthBody, { auth_type: 'oauth2' }).profile.authType).toBe('oauth2');
  });

  it('refuses a patch that is not an object or that reaches for the prototype', () => {
    for (const wrong of [null, [], 'x', 7]) expect(refusal(() => patch(oauthBody, wrong)).code).toBe('invalid_request');
    const sneaky = JSON.parse('{"__proto__":{"allow_wider_token":true}}');
    expect(refusal(() => patch(oauthBody, sneaky)).details?.[0]?.path).toBe('__proto__');
  });
});
