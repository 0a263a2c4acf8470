import { createTokenSigner } from '@nexus/testkit/scripted-id-tokens';
import type { Script } from '@nexus/testkit/scripted-provider';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGuardedFetch } from './guarded-fetch.js';
import { createIssuerKeys } from './issuer-keys.js';
import {
  agentId,
  type BenchSettings,
  ec,
  outcomeOf,
  rsa,
  type Signer,
  startUserTokenBench,
  type UserTokenBench,
} from './user-token-fixture.js';
import type { UserTokenVerifier } from './user-token-verifier.js';

const next = createTokenSigner('RS256', 'next');
const twin = createTokenSigner('RS256', 'twin');

let bench: UserTokenBench;
beforeEach(async () => {
  bench = await startUserTokenBench();
  bench.publish(rsa);
});
afterEach(() => bench.close());

async function tryKey(verifier: UserTokenVerifier, signer: Signer, header = {}): Promise<string> {
  return outcomeOf(verifier.verify({ token: await signer.sign(bench.claims(), header), agentId }));
}
const fetches = () => bench.upstream.requests('/jwks').length;

describe('the keys of an issuer', () => {
  it('are fetched once for many tokens, also for those that come at the same time', async () => {
    const verifier = bench.verifier();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => tryKey(verifier, rsa)));
    expect([new Set(outcomes), fetches()]).toEqual([new Set(['accepted']), 1]);
  });

  it('are looked for again when a key is unknown, at most twice a minute', async () => {
    const verifier = bench.verifier();
    expect(await tryKey(verifier, next)).toBe('unknown_key');
    bench.publish(rsa, next);
    bench.advance(29);
    expect([await tryKey(verifier, next), fetches()]).toEqual(['unknown_key', 1]);
    bench.advance(1);
    expect([await tryKey(verifier, next), fetches()]).toEqual(['accepted', 2]);
    expect([await tryKey(verifier, rsa), fetches()]).toEqual(['accepted', 2]);
  });

  it('are forgotten after ten minutes, so that a key that was withdrawn is refused', async () => {
    const verifier = bench.verifier();
    expect(await tryKey(verifier, rsa)).toBe('accepted');
    bench.publish(next);
    bench.advance(599);
    expect(await tryKey(verifier, rsa)).toBe('accepted');
    bench.advance(1);
    expect([await tryKey(verifier, rsa), fetches()]).toEqual(['unknown_key', 2]);
  });

  it('are all tried where a token names none', async () => {
    bench.publish(twin, rsa, ec, next);
    const verifier = bench.verifier();
    expect(await tryKey(verifier, next, { kid: undefined })).toBe('accepted');
    expect(await tryKey(verifier, createTokenSigner('RS256', 'x'), { kid: undefined })).toBe('bad_signature');
  });

  it('are used past members of the set that are no usable keys', async () => {
    const { publicJwk } = rsa;
    const odd = [7, null, {}, { kty: 'RSA', kid: 'rsa', n: 'AQAB', e: 'AQAB' }, { ...publicJwk, n: '!' }];
    bench.upstream.answer('/jwks', { body: { keys: [...odd, publicJwk] } });
    expect(await tryKey(bench.verifier(), rsa)).toBe('accepted');
  });

  it.each([
    ['that is for encryption', { use: 'enc' }],
    ['that may not verify', { key_ops: ['encrypt'] }],
    ['of another algorithm', { alg: 'PS256' }],
    ['that is secret', { kty: 'oct', k: 'AAAA' }],
  ])('hold none %s', async (_case, changes) => {
    bench.upstream.answer('/jwks', { body: { keys: [{ ...rsa.publicJwk, ...changes }] } });
    expect(await tryKey(bench.verifier(), rsa)).toBe('unknown_key');
  });
});

it('keeps the keys of 200 issuers, those asked for last', async () => {
  const guardedFetch = createGuardedFetch({ environment: 'development', egressAllow: [] });
  const keys = createIssuerKeys({ guardedFetch, clock: { now: () => 0 } });
  const find = (issuerId: string) => keys.find({ ...bench.issuer, issuerId }, { alg: 'RS256', kid: 'rsa' });
  for (let i = 0; i < 200; i++) await find(`issuer-${i}`);
  await find('issuer-0');
  await find('issuer-200');
  expect(fetches()).toBe(201);
  await find('issuer-0');
  expect(fetches()).toBe(201);
  await find('issuer-1');
  expect(fetches()).toBe(202);
  await guardedFetch[Symbol.asyncDispose]();
});

describe('without the keys of an issuer nothing can be said about a token', () => {
  it.each<readonly [string, Script]>([
    ['fails', { status: 500 }],
    ['is missing', { status: 404 }],
    ['is no JSON', { body: 'keys' }],
    ['is a list', { body: [] }],
    ['has no keys', { body: { keys: {} } }],
    ['breaks off', { drop: 'midway' }],
    ['never ends', { endless: 'chunks' }],
    ['is compressed to hide its size', { headers: { 'content-encoding': 'x-unknown' } }],
  ])('when the key set %s', async (_case, script) => {
    bench.upstream.answer('/jwks', script);
    expect(await tryKey(bench.verifier(), rsa)).toBe('user_verification_unavailable');
  });

  it('when it is too slow', async () => {
    bench.upstream.answer('/jwks', { endless: 'silent' });
    expect(await tryKey(bench.verifier({ guardTimeoutMs: 50 }), rsa)).toBe('user_verification_unavailable');
  });

  it.each([301, 302, 303, 307, 308])('S-3: when it redirects with %i, which is not followed', async (status) => {
    bench.upstream.answer('/jwks', { status, headers: { location: bench.upstream.url('/elsewhere') } });
    bench.upstream.answer('/elsewhere', { body: { keys: [rsa.publicJwk] } });
    expect(await tryKey(bench.verifier(), rsa)).toBe('user_verification_unavailable');
    expect(bench.upstream.requests('/elsewhere')).toEqual([]);
  });

  it('S-4: when they are at a private address', async () => {
    const settings = { issuer: { jwksUri: 'https://10.0.0.1/jwks' } };
    expect(await tryKey(bench.verifier(settings), rsa)).toBe('user_verification_unavailable');
  });

  it('when they are too old and cannot be had again; the issuer is then left alone for five seconds', async () => {
    const verifier = bench.verifier();
    expect(await tryKey(verifier, rsa)).toBe('accepted');
    bench.upstream.answer('/jwks', { status: 503 });
    bench.advance(600);
    expect(await tryKey(verifier, rsa)).toBe('user_verification_unavailable');
    bench.publish(rsa);
    bench.advance(4);
    expect([await tryKey(verifier, rsa), fetches()]).toEqual(['user_verification_unavailable', 2]);
    bench.advance(1);
    expect(await tryKey(verifier, rsa)).toBe('accepted');
  });

  it('but what is known is not forgotten because a search for more fails', async () => {
    const verifier = bench.verifier();
    expect(await tryKey(verifier, rsa)).toBe('accepted');
    bench.upstream.answer('/jwks', { status: 503 });
    bench.advance(30);
    expect(await tryKey(verifier, next)).toBe('user_verification_unavailable');
    expect(await tryKey(verifier, rsa)).toBe('accepted');
  });

  it('and the answer tells when to come again', async () => {
    bench.upstream.answer('/jwks', { status: 429, headers: { 'retry-after': '17' } });
    const token = await rsa.sign(bench.claims());
    await expect(bench.verifier().verify({ token, agentId })).rejects.toMatchObject({ status: 503, retryAfter: 17 });
  });
});

describe('discovery', () => {
  const wellKnown = '/.well-known/openid-configuration';
  const discovering: BenchSettings = { issuer: { jwksUri: null } };

  it('finds the keys where OpenID metadata says', async () => {
    bench.upstream.publishMetadata();
    expect(await tryKey(bench.verifier(discovering), rsa)).toBe('accepted');
  });

  it('finds them in RFC 8414 metadata where there is no other, below the path of the issuer', async () => {
    const issuer = `${bench.upstream.origin}/tenant`;
    bench.upstream.answer('/.well-known/oauth-authorization-server/tenant', {
      body: { issuer, jwks_uri: bench.upstream.url('/jwks') },
    });
    const token = await rsa.sign(bench.claims({ iss: issuer }));
    const verifier = bench.verifier({ issuer: { issuer, jwksUri: null } });
    expect(await outcomeOf(verifier.verify({ token, agentId }))).toBe('accepted');
    expect(bench.upstream.requests(`/tenant${wellKnown}`)).toHaveLength(1);
  });

  it('finds those of an issuer that ends in a slash', async () => {
    const issuer = `${bench.upstream.origin}/`;
    bench.upstream.publishMetadata({ issuer });
    const token = await rsa.sign(bench.claims({ iss: issuer }));
    const verifier = bench.verifier({ issuer: { issuer, jwksUri: null } });
    expect(await outcomeOf(verifier.verify({ token, agentId }))).toBe('accepted');
  });

  it.each<readonly [string, Record<string, unknown>]>([
    ['of another issuer', { issuer: 'https://evil.example' }],
    ['of nearly the issuer', { issuer: 'slash' }],
    ['without an issuer', { issuer: undefined }],
    ['without a key set', { jwks_uri: undefined }],
    ['with a key set that is no URL', { jwks_uri: 'keys' }],
    ['with a private key set', { jwks_uri: 'https://169.254.169.254/jwks' }],
    ['with a plain key set elsewhere', { jwks_uri: 'http://idp.example/jwks' }],
  ])('believes no metadata %s', async (_case, changes) => {
    const issuer = changes['issuer'] === 'slash' ? { issuer: `${bench.upstream.origin}/` } : {};
    bench.upstream.publishMetadata({ ...changes, ...issuer });
    expect(await tryKey(bench.verifier(discovering), rsa)).toBe('user_verification_unavailable');
    expect(fetches()).toBe(0);
  });

  it('asks for no other metadata where the first place fails', async () => {
    bench.upstream.answer(wellKnown, { status: 500 });
    expect(await tryKey(bench.verifier(discovering), rsa)).toBe('user_verification_unavailable');
    expect(bench.upstream.requests('/.well-known/oauth-authorization-server')).toEqual([]);
  });
});
