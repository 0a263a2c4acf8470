import { createTokenSigner } from '@nexus/testkit/scripted-id-tokens';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Provider } from '../domain/provider.js';
import { createProvider, createTestClient, secrets, type TestClient } from './provider-fixture.js';

describe('the ID token of a refresh', () => {
  const known = createTokenSigner('RS256', 'known');
  const next = createTokenSigner('RS256', 'next');
  let upstream: ScriptedProvider;
  let client: TestClient;
  let provider: Provider;
  /** Paths in the order in which they were asked for. */
  let asked: string[];

  beforeEach(async () => {
    upstream = await startScriptedProvider();
    client = createTestClient();
    asked = [];
    upstream.publishMetadata();
    publishKeys({ body: { keys: [known.publicJwk] } });
    provider = createProvider({
      issuer: upstream.origin,
      enableDiscovery: true,
      scopes: ['openid'],
      exposeIdToken: true,
    });
  });
  afterEach(async () => {
    await client[Symbol.asyncDispose]();
    await upstream.close();
  });

  function publishKeys(answer: Exclude<Parameters<typeof upstream.answer>[1], (...args: never) => unknown>): void {
    upstream.answer('/jwks', () => {
      asked.push('/jwks');
      return answer;
    });
  }

  async function refresh(signer = known) {
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: upstream.origin, aud: 'client', sub: 'person', iat: now, exp: now + 300 };
    const idToken = await signer.sign(claims);
    upstream.answer('/token', () => {
      asked.push('/token');
      return { body: { access_token: 'new', token_type: 'Bearer', refresh_token: 'rotated', id_token: idToken } };
    });
    return client.refreshGrant({
      provider,
      clientSecrets: secrets,
      refreshToken: 'old',
      scope: '',
      issuedOrigin: upstream.origin,
    });
  }

  it('R4: is verified with keys fetched before the refresh token is shown, so that nothing waits afterwards', async () => {
    expect(await refresh()).toMatchObject({ tokenSet: { accessToken: 'new', idToken: expect.any(String) } });
    expect(asked).toEqual(['/jwks', '/token']);
    expect(await refresh()).toMatchObject({ tokenSet: { idToken: expect.any(String) } });
    expect(asked).toEqual(['/jwks', '/token', '/token']);
  });

  it('is dropped where it is signed with a key not known before, and the next one finds the key', async () => {
    await refresh();
    publishKeys({ body: { keys: [next.publicJwk] } });
    expect(await refresh(next)).toMatchObject({ tokenSet: { refreshToken: 'rotated', idToken: null } });
    expect(asked).toEqual(['/jwks', '/token', '/token']);
    expect(await refresh(next)).toMatchObject({ tokenSet: { idToken: expect.any(String) } });
  });

  it.each([
    ['fails', { status: 500 }],
    ['is no list', { body: { keys: {} } }],
    ['is no JSON', { body: '<html>' }],
    ['is cut off', { drop: 'before' as const }],
    ['does not end', { endless: 'silent' as const }],
  ])('is dropped, and the tokens beside it are not, where the key set %s', async (_case, answer) => {
    publishKeys(answer);
    expect(await refresh()).toMatchObject({
      kind: 'refreshed',
      tokenSet: { accessToken: 'new', refreshToken: 'rotated', idToken: null },
    });
    expect(asked).toEqual(['/jwks', '/token']);
  });
});
