import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReservedParameter, reservedParameters } from '../domain/profile-client.js';
import type { AuthorizationUrlInput } from './authorization-url.js';
import { codeVerifier, createProvider, createTestClient } from './provider-fixture.js';

const endpoints = { authUrl: 'https://provider.example/authorize', tokenUrl: 'https://provider.example/token' };

function createInput(
  profile: Parameters<typeof createProvider>[0] = {},
  changes: Partial<AuthorizationUrlInput> = {},
): AuthorizationUrlInput {
  return {
    provider: createProvider({ ...endpoints, ...profile }),
    clientSecrets: [],
    redirectUri: 'https://nexus.example/auth/callback/test',
    state: 'our-state',
    codeVerifier,
    nonce: 'our-nonce',
    scopes: ['openid', 'files.read'],
    loginHint: null,
    ...changes,
  };
}

async function build(input: AuthorizationUrlInput): Promise<URL> {
  await using client = createTestClient();
  return new URL(await client.buildAuthorizationUrl(input));
}

describe('authorization URL', () => {
  it('carries the protocol parameters once each', async () => {
    const url = await build(createInput({ issuer: 'https://provider.example' }, { loginHint: 'ann@example.test' }));
    expect(url.origin + url.pathname).toBe('https://provider.example/authorize');
    expect([...url.searchParams].sort()).toEqual([
      ['client_id', 'client'],
      ['code_challenge', createHash('sha256').update(codeVerifier).digest('base64url')],
      ['code_challenge_method', 'S256'],
      ['login_hint', 'ann@example.test'],
      ['nonce', 'our-nonce'],
      ['redirect_uri', 'https://nexus.example/auth/callback/test'],
      ['response_type', 'code'],
      ['scope', 'openid files.read'],
      ['state', 'our-state'],
    ]);
  });

  it('leaves out what the provider has no use for', async () => {
    const url = await build(createInput({ pkce: 'refused', scopeSeparator: ',' }, { scopes: ['a', 'b'] }));
    expect(url.searchParams.get('scope')).toBe('a,b');
    for (const name of ['nonce', 'code_challenge', 'code_challenge_method', 'login_hint']) {
      expect(url.searchParams.has(name)).toBe(false);
    }
    expect((await build(createInput({}, { scopes: [] }))).searchParams.has('scope')).toBe(false);
  });

  it('H9: keeps what a profile adds, and the query of its endpoint', async () => {
    const url = await build(
      createInput({ authUrl: 'https://provider.example/authorize?tenant=7', params: { prompt: 'consent' } }),
    );
    expect(url.searchParams.get('tenant')).toBe('7');
    expect(url.searchParams.get('prompt')).toBe('consent');
  });

  it('H9: no params and no endpoint query replace, repeat or add a protocol parameter', async () => {
    await using client = createTestClient();
    const name = fc.oneof(
      fc
        .constantFrom(...reservedParameters)
        .chain((reserved) =>
          fc
            .array(fc.boolean(), { minLength: reserved.length, maxLength: reserved.length })
            .map((upper) =>
              [...reserved].map((letter, index) => (upper[index] === true ? letter.toUpperCase() : letter)).join(''),
            ),
        ),
      fc.constantFrom('prompt', 'access_type', ' state', 'state ', 'audience'),
      fc.string({ minLength: 1 }),
    );
    const params = fc.dictionary(name, fc.string(), { maxKeys: 12 });
    await fc.assert(
      fc.asyncProperty(params, params, async (added, inQuery) => {
        const query = new URLSearchParams(inQuery).toString();
        const input = createInput({
          issuer: 'https://provider.example',
          authUrl: `https://provider.example/authorize?${query}`,
          params: added,
        });
        const found = new URL(await client.buildAuthorizationUrl(input)).searchParams;
        const ours = {
          redirect_uri: 'https://nexus.example/auth/callback/test',
          state: 'our-state',
          nonce: 'our-nonce',
          scope: 'openid files.read',
          client_id: 'client',
          response_type: 'code',
          code_challenge_method: 'S256',
        };
        for (const [key, value] of Object.entries(ours)) expect(found.getAll(key)).toEqual([value]);
        for (const key of found.keys()) {
          if (isReservedParameter(key)) expect([...Object.keys(ours), 'code_challenge']).toContain(key);
        }
        expect(found.getAll('code_challenge')).toHaveLength(1);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    'javascript:alert(1)//',
    'http://provider.example/authorize',
    'https://10.0.0.1/authorize',
    'data:text/html,x',
  ])('S-5: refuses to send a person to %s', async (authUrl) => {
    await expect(build(createInput({ authUrl }))).rejects.toMatchObject({ code: 'provider_unavailable' });
  });
});
