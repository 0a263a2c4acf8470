import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { resolveApiUrl } from './api-url.js';
import { issuerBody, keyBody, oauthBody } from './profile-fixture.test-data.js';
import { parseProviderProfile } from './provider-profile.js';
import type { Environment } from './web-url.js';

function codeOf(body: object, environment: Environment = 'production'): string {
  try {
    parseProviderProfile(body, { environment });
  } catch (error) {
    if (error instanceof NexusError) return error.code;
    throw error;
  }
  return 'accepted';
}

const endpoints = ['issuer', 'auth_url', 'token_url', 'revocation_endpoint', 'api_base_url', 'user_info_endpoint'];

describe('endpoints', () => {
  it('S-5: are https URLs without user information or fragment', () => {
    for (const url of [
      'http://acme.example/x',
      'HTTPS://acme.example/x',
      'ftp://acme.example/x',
      'file:///etc/passwd',
      'gopher://acme.example/',
      'javascript:alert(1)',
      'data:text/plain,x',
      'acme.example/x',
      '//acme.example/x',
      'https:acme.example/x',
      'https:///acme.example/x',
      'https:/acme.example/x',
      'https://',
      'https://:443/x',
      'https://user@acme.example/x',
      'https://user:pass@acme.example/x',
      'https://@acme.example/x',
      'https://acme.example/x#y',
      'https://acme.example/x#',
      'https://acme.example/x y',
      'https://acme.example\\x',
      'https://acme.example/\t',
      'https://acme.example/\r\nX: y',
      'https://acme.example:99999/',
      'https://acme.example:x/',
      'https://bücher.example/',
      'https://*.example/',
      'https://[::1/',
      'http://127.0.0.1/x',
      'http://localhost/x',
      `https://acme.example/${'x'.repeat(2048)}`,
    ]) {
      for (const field of endpoints.filter((name) => name !== 'user_info_endpoint')) {
        expect(codeOf({ ...oauthBody, [field]: url }), `${field} ${url}`).toBe('provider_unsafe');
      }
      expect(['provider_unsafe', 'invalid_request']).toContain(codeOf({ ...oauthBody, user_info_endpoint: url }));
      expect(codeOf({ ...oauthBody, allowed_origins: [url] })).toBe('provider_unsafe');
    }
  });

  it('S-5: may use plain http in development, on loopback only', () => {
    const local = {
      ...oauthBody,
      auth_url: 'http://localhost:9000/a',
      token_url: 'http://localhost:9000/t',
      api_base_url: 'http://127.0.0.1:9001',
    };
    expect(codeOf(local, 'development')).toBe('accepted');
    expect(codeOf(local)).toBe('provider_unsafe');
    expect(codeOf({ ...local, api_base_url: 'http://api.example' }, 'development')).toBe('provider_unsafe');
    expect(codeOf({ ...local, api_base_url: 'http://[::1]:1' }, 'development')).toBe('accepted');
  });

  it('that span several origins have to be listed', () => {
    const spread = { ...oauthBody, token_url: 'https://tokens.example/t' };
    expect(codeOf(spread)).toBe('provider_unsafe');
    expect(codeOf({ ...spread, allowed_origins: ['https://tokens.example'] })).toBe('accepted');
    expect(codeOf({ ...spread, allowed_origins: ['https://acme.example'] })).toBe('provider_unsafe');
    const account = { ...oauthBody, user_info_endpoint: 'https://people.example/me' };
    expect(codeOf(account)).toBe('provider_unsafe');
    expect(codeOf({ ...account, allowed_origins: ['https://people.example'] })).toBe('accepted');
    expect(codeOf({ ...spread, allowed_origins: ['https://other.example'] })).toBe('provider_unsafe');
    expect(codeOf({ ...spread, allowed_origins: ['https://tokens.example:8443'] })).toBe('provider_unsafe');
    const third = { ...spread, revocation_endpoint: 'https://revoke.example/r' };
    expect(codeOf({ ...third, allowed_origins: ['https://tokens.example'] })).toBe('provider_unsafe');
    expect(codeOf({ ...third, allowed_origins: ['https://tokens.example', 'https://revoke.example'] })).toBe(
      'accepted',
    );
    expect(codeOf({ ...oauthBody, issuer: 'https://id.example' })).toBe('provider_unsafe');
    expect(codeOf({ ...issuerBody, token_url: 'https://tokens.example/t' })).toBe('provider_unsafe');
    expect(codeOf({ ...issuerBody, api_base_url: 'https://api.example' })).toBe('accepted');
  });

  it('are listed as bare origins, each once and not too many', () => {
    for (const wrong of [
      'https://a.example/',
      'https://a.example/x',
      'https://A.example',
      'https://a.example:443',
      '*',
    ]) {
      expect(codeOf({ ...oauthBody, allowed_origins: [wrong] })).toBe('provider_unsafe');
    }
    const twice = ['https://a.example', 'https://a.example'];
    expect(codeOf({ ...oauthBody, allowed_origins: twice })).toBe('invalid_request');
    const many = Array.from({ length: 11 }, (_, index) => `https://a${index}.example`);
    expect(codeOf({ ...oauthBody, allowed_origins: many })).toBe('invalid_request');
  });

  it('has an issuer without a query, kept exactly as it was written', () => {
    const profile = parseProviderProfile(
      { ...issuerBody, issuer: 'https://id.acme.example/tenant/' },
      { environment: 'production' },
    ).profile;
    expect(profile.issuer).toBe('https://id.acme.example/tenant/');
    expect(codeOf({ ...issuerBody, issuer: 'https://id.acme.example?x' })).toBe('provider_unsafe');
  });
});

describe('user_info_endpoint', () => {
  it('is absolute, or relative to the base of the API', () => {
    for (const path of ['/me', 'me', '/users/me?fields=a,b', 'https://other.example/me']) {
      expect(codeOf({ ...keyBody, user_info_endpoint: path }), path).toBe('accepted');
    }
    expect(codeOf({ ...keyBody, api_base_url: null })).toBe('invalid_request');
    expect(codeOf({ ...keyBody, api_base_url: null, user_info_endpoint: 'https://other.example/me' })).toBe('accepted');
  });

  it('S-5: cannot leave the API by a trick of spelling', () => {
    for (const path of [
      '',
      '//evil.example/x',
      '/\\evil.example',
      '\\\\evil.example',
      '/../x',
      '../x',
      '/a/./b',
      '/%2e%2e/x',
      'javascript:alert(1)',
      'http:evil.example',
      'https:evil.example',
      '@evil.example',
      '/x#y',
      '/x y',
      '/x\r\ny',
      '/é',
    ]) {
      const code = codeOf({ ...keyBody, user_info_endpoint: path });
      if (path === '@evil.example')
        expect(resolveApiUrl({ apiBaseUrl: 'https://a.example' }, path)).toBe('https://a.example/@evil.example');
      else expect(['invalid_request', 'provider_unsafe'], path).toContain(code);
    }
  });

  it('is joined to the path of the base, not to its host', () => {
    expect(resolveApiUrl({ apiBaseUrl: 'https://a.example/v1' }, '/me')).toBe('https://a.example/v1/me');
    expect(resolveApiUrl({ apiBaseUrl: 'https://a.example/v1/' }, 'me')).toBe('https://a.example/v1/me');
    expect(resolveApiUrl({ apiBaseUrl: null }, '/me')).toBeNull();
    expect(resolveApiUrl({ apiBaseUrl: null }, 'https://b.example/me')).toBe('https://b.example/me');
  });
});
