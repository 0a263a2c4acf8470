import { createPublicKey, verify } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  breakSignature,
  createTokenSigner,
  forgeSymmetric,
  forgeUnsigned,
  replaceClaims,
} from './scripted-id-tokens.js';
import { type ScriptedProvider, startScriptedProvider } from './scripted-provider.js';

describe('scripted provider', () => {
  let provider: ScriptedProvider;

  afterEach(() => provider.close());

  it('answers in the order of the script, then with the standing answer, then with 404', async () => {
    provider = await startScriptedProvider();
    provider.answer('/token', { status: 400, body: { error: 'invalid_grant' } });
    provider.enqueue('/token', { status: 503, headers: { 'retry-after': '7' } }, { body: '<html>' });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) {
      const response = await fetch(provider.url('/token'), {
        method: 'POST',
        body: new URLSearchParams({ n: `${i}` }),
      });
      statuses.push(response.status);
      await response.text();
    }
    expect(statuses).toEqual([503, 200, 400]);
    expect((await fetch(provider.url('/elsewhere'))).status).toBe(404);
    expect(provider.requests('/token').map((request) => request.form.get('n'))).toEqual(['0', '1', '2']);
  });

  it('drops connections before and within an answer', async () => {
    provider = await startScriptedProvider();
    provider.answer('/a', { drop: 'before' });
    provider.answer('/b', { drop: 'midway', body: 'x'.repeat(1000) });
    await expect(fetch(provider.url('/a'))).rejects.toThrow();
    await expect(fetch(provider.url('/b')).then((response) => response.text())).rejects.toThrow();
    expect(provider.connectionCount()).toBeGreaterThanOrEqual(2);
  });

  it('sends answers that never end', async () => {
    provider = await startScriptedProvider();
    provider.answer('/chunks', { endless: 'chunks' });
    const response = await fetch(provider.url('/chunks'));
    const reader = response.body?.getReader();
    let size = 0;
    while (size < 1_000_000) size += (await reader?.read())?.value?.length ?? 0;
    await reader?.cancel();
    expect(size).toBeGreaterThanOrEqual(1_000_000);
  });

  it('signs ID tokens that verify, and forges ones that do not', async () => {
    provider = await startScriptedProvider();
    for (const algorithm of ['RS256', 'ES256'] as const) {
      const signer = createTokenSigner(algorithm, 'k1');
      const token = await signer.sign({ sub: 'a' });
      const isValid = (text: string) => {
        const [header, payload, signature = ''] = text.split('.');
        const key = createPublicKey({ key: signer.publicJwk as Record<string, string>, format: 'jwk' });
        const options = algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key;
        return verify('sha256', Buffer.from(`${header}.${payload}`), options, Buffer.from(signature, 'base64url'));
      };
      expect(isValid(token)).toBe(true);
      expect(isValid(breakSignature(token))).toBe(false);
      expect(isValid(replaceClaims(token, { sub: 'b' }))).toBe(false);
      expect(isValid(forgeSymmetric({ sub: 'a' }, signer.publicPem))).toBe(false);
    }
    expect(forgeUnsigned({ sub: 'a' })).toMatch(/^[\w-]+\.[\w-]+\.$/);
  });
});
