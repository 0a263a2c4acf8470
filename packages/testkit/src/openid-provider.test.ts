import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCookieJar } from './cookie-jar.js';
import { type RunningOpenidProvider, startOpenidProvider } from './openid-provider.js';

const redirectUri = 'http://127.0.0.1:1/callback';
const verifier = 'v'.repeat(43);

describe('openid provider', () => {
  let provider: RunningOpenidProvider;

  beforeAll(async () => {
    provider = await startOpenidProvider({
      clients: [
        { clientId: 'basic', redirectUris: [redirectUri] },
        { clientId: 'public', redirectUris: [redirectUri], authMethod: 'none' },
      ],
      scopes: ['files.read', 'files.write'],
      accessTokenTtl: 120,
    });
  });

  afterAll(() => provider.close());

  function authorizationUrl(scope: string): string {
    const url = new URL(`${provider.issuer}/auth`);
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: 'basic',
      redirect_uri: redirectUri,
      scope,
      state: 'st',
      prompt: 'consent',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }).toString();
    return url.href;
  }

  async function callToken(form: Record<string, string>): Promise<{ status: number; body: Record<string, unknown> }> {
    const secret = provider.clients[0]?.clientSecret ?? '';
    const response = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`basic:${secret}`).toString('base64')}` },
      body: new URLSearchParams(form),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async function connect(login: string, scope = 'openid offline_access files.read'): Promise<Record<string, unknown>> {
    const callback = new URL(await provider.consentAs(authorizationUrl(scope), { login }));
    const code = callback.searchParams.get('code') ?? '';
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier };
    return (await callToken(form)).body;
  }

  it('logs in and consents without a browser, and answers the code with tokens', async () => {
    const callback = new URL(await provider.consentAs(authorizationUrl('openid offline_access'), { login: 'ann' }));
    expect(callback.origin + callback.pathname).toBe(redirectUri);
    expect(callback.searchParams.get('state')).toBe('st');
    expect(callback.searchParams.get('iss')).toBe(provider.issuer);
    const tokens = await connect('ann');
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 120, refresh_token: expect.any(String) });
    expect(await provider.isTokenActive(String(tokens['access_token']))).toBe(true);
  });

  it('lets the person refuse, wholly or single scopes', async () => {
    const denied = new URL(await provider.consentAs(authorizationUrl('openid'), { login: 'ben', deny: true }));
    expect(denied.searchParams.get('error')).toBe('access_denied');
    const callback = await provider.consentAs(authorizationUrl('openid files.read files.write'), {
      login: 'ben',
      refuseScopes: ['files.write'],
    });
    const code = new URL(callback).searchParams.get('code') ?? '';
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier };
    expect((await callToken(form)).body['scope']).toBe('openid files.read');
  });

  it('keeps a person logged in with the same cookie jar', async () => {
    const cookieJar = createCookieJar();
    await provider.consentAs(authorizationUrl('openid'), { login: 'cat', cookieJar });
    const again = await provider.consentAs(authorizationUrl('openid'), { login: 'somebody-else', cookieJar });
    const code = new URL(again).searchParams.get('code') ?? '';
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier };
    const idToken = String((await callToken(form)).body['id_token']);
    expect(JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({ sub: 'cat' });
  });

  it('rotates refresh tokens, and ends the grant when an old one comes back', async () => {
    const tokens = await connect('dan');
    const first = String(tokens['refresh_token']);
    const refreshed = await callToken({ grant_type: 'refresh_token', refresh_token: first });
    expect(refreshed.status).toBe(200);
    expect(refreshed.body['refresh_token']).not.toBe(first);
    const reused = await callToken({ grant_type: 'refresh_token', refresh_token: first });
    expect(reused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await provider.isTokenActive(String(refreshed.body['access_token']))).toBe(false);
    expect(provider.events()).toContain('grant.revoked');
  });

  it('revokes everything of an account and counts what it was asked', async () => {
    const tokens = await connect('eve');
    const other = await connect('fay');
    provider.revokeEverythingFor('eve');
    expect(await provider.isTokenActive(String(tokens['access_token']))).toBe(false);
    expect(await provider.isTokenActive(String(other['access_token']))).toBe(true);
    const refused = await callToken({ grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) });
    expect(refused.body['error']).toBe('invalid_grant');
    const counts = provider.tokenRequests();
    expect(counts.token['authorization_code']).toBeGreaterThan(0);
    expect(counts.token['refresh_token']).toBeGreaterThan(0);
    expect(counts.introspection).toBeGreaterThan(0);
  });

  it('can be told to fail and to issue shorter tokens', async () => {
    provider.setInterceptor((request, response) => {
      if (!request.url?.startsWith('/token')) return false;
      response.statusCode = 503;
      response.end('{}');
      return true;
    });
    expect((await callToken({ grant_type: 'refresh_token', refresh_token: 'x' })).status).toBe(503);
    provider.setInterceptor(null);
    provider.setAccessTokenTtl(5);
    expect((await connect('gus'))['expires_in']).toBe(5);
  });
});
