import { createHash, generateKeyPairSync } from 'node:crypto';
import { createToken } from '@nexus/core/tokens';
import {
  breakSignature,
  type Claims,
  createTokenSigner,
  forgeSymmetric,
  forgeUnsigned,
  replaceClaims,
} from '@nexus/testkit/scripted-id-tokens';
import { CompactEncrypt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  agentId,
  audience,
  ec,
  ed,
  encodePart,
  outcomeOf,
  rsa,
  startUserTokenBench,
  type UserTokenBench,
} from './user-token-fixture.js';

const stranger = createTokenSigner('RS256', 'rsa');
const unknown = createTokenSigner('RS256', 'unknown');
const ofAnotherIssuer = createTokenSigner('ES256', 'other');

let bench: UserTokenBench;
beforeAll(async () => {
  bench = await startUserTokenBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.publish(rsa, ec, ed));

const verify = (token: string, settings = {}) => bench.verifier(settings).verify({ token, agentId });
const sign = (changes?: Claims, header?: Claims) => rsa.sign(bench.claims(changes), header);
const inSeconds = (seconds: number) => bench.now() + seconds;

describe('a user token of a registered issuer', () => {
  it.each<readonly [string, () => Promise<string>]>([
    ['RS256', () => sign()],
    ['ES256', () => ec.sign(bench.claims())],
    ['EdDSA', () => ed.sign(bench.claims())],
    ['without kid, where one key fits', () => sign({}, { kid: undefined })],
    ['without typ', () => sign({}, { typ: undefined })],
    ['typ at+jwt', () => sign({}, { typ: 'at+jwt' })],
    ['typ as a full media type', () => sign({}, { typ: 'application/AT+JWT' })],
    ['our audience among others', () => sign({ aud: ['other', audience] })],
    ['one second before its end', () => sign({ exp: inSeconds(1) })],
    ['issued 30 seconds ahead of our clock', () => sign({ iat: inSeconds(30) })],
    ['valid from 30 seconds ahead of our clock', () => sign({ nbf: inSeconds(30) })],
    ['the longest lifetime, issued ahead of our clock', () => sign({ iat: inSeconds(30), exp: inSeconds(3630) })],
    ['no issue time, the longest lifetime', () => sign({ iat: undefined, exp: inSeconds(3600) })],
    ['may_act naming this agent', () => sign({ may_act: { sub: agentId } })],
    ['may_act naming it in full', () => sign({ may_act: { sub: agentId, iss: audience, client_id: agentId } })],
  ])('is accepted: %s', async (_case, create) => {
    expect(await outcomeOf(verify(await create()))).toBe('accepted');
  });

  it('proves the user and nothing more', async () => {
    const claims = { tenant_id: 7, clearance_level: 3, scope: 'read write', jti: 'id-1', email: 'private' };
    expect(await verify(await sign(claims))).toEqual({
      issuer: bench.upstream.origin,
      issuerId: expect.any(String),
      subject: 'user-1',
      tenantId: '7',
      clearanceLevel: 3,
      permissions: ['read', 'write'],
      workspaceId: 'user-1',
      expiresAt: inSeconds(300),
      replayKey: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });
});

describe('B10: a user token that is forged or unfit', () => {
  it.each<readonly [string, string, () => Promise<string> | string]>([
    ['alg none', 'algorithm_not_allowed', () => forgeUnsigned(bench.claims())],
    ['alg None', 'algorithm_not_allowed', () => forgeUnsigned(bench.claims(), 'None')],
    ['alg none with a signature', 'algorithm_not_allowed', () => `${forgeUnsigned(bench.claims())}AAAA`],
    ['an empty signature', 'bad_signature', async () => (await sign()).replace(/[^.]+$/, '')],
    [
      'HS256 keyed with the RSA key',
      'algorithm_not_allowed',
      () => forgeSymmetric(bench.claims(), rsa.publicPem, 'rsa'),
    ],
    [
      'HS256 keyed with the JWK',
      'algorithm_not_allowed',
      () => forgeSymmetric(bench.claims(), JSON.stringify(rsa.publicJwk), 'rsa'),
    ],
    ['alg missing', 'algorithm_not_allowed', () => sign({}, {}).then((token) => replaceHeader(token, { kid: 'rsa' }))],
    ['a broken RS256 signature', 'bad_signature', async () => breakSignature(await sign())],
    ['a broken ES256 signature', 'bad_signature', async () => breakSignature(await ec.sign(bench.claims()))],
    [
      'other claims under a good signature',
      'bad_signature',
      async () => replaceClaims(await sign(), bench.claims({ sub: 'user-2' })),
    ],
    ['another key under a known kid', 'bad_signature', () => stranger.sign(bench.claims())],
    ['another key and no kid', 'bad_signature', () => stranger.sign(bench.claims(), { kid: undefined })],
    ['an unknown kid', 'unknown_key', () => unknown.sign(bench.claims())],
    ['the kid of another issuer’s key', 'unknown_key', () => ofAnotherIssuer.sign(bench.claims())],
    ['a key of another algorithm', 'unknown_key', () => ec.sign(bench.claims(), { kid: 'rsa' })],
    ['the key itself in the header', 'bad_signature', () => stranger.sign(bench.claims(), { jwk: stranger.publicJwk })],
    [
      'an address of the key in the header',
      'unknown_key',
      () => unknown.sign(bench.claims(), { jku: bench.upstream.url('/forged') }),
    ],
    ['a kid that is no string', 'malformed', () => sign({}, { kid: 7 })],
    ['typ of a logout token', 'wrong_type', () => sign({}, { typ: 'logout+jwt' })],
    ['typ of a DPoP proof', 'wrong_type', () => sign({}, { typ: 'dpop+jwt' })],
    ['typ that is no string', 'wrong_type', () => sign({}, { typ: null })],
    ['a security event', 'wrong_type', () => sign({ events: {} })],
    ['a critical extension', 'malformed', () => sign({}, { crit: ['b64'], b64: true })],
    ['another issuer', 'unknown_issuer', () => sign({ iss: 'https://evil.example' })],
    ['the issuer with a slash', 'unknown_issuer', () => sign({ iss: `${bench.upstream.origin}/` })],
    ['no issuer', 'malformed', () => sign({ iss: undefined })],
    ['an issuer in the header alone', 'unknown_issuer', () => sign({ iss: undefined }, { iss: bench.upstream.origin })],
    ['another audience', 'wrong_audience', () => sign({ aud: 'other' })],
    ['other audiences', 'wrong_audience', () => sign({ aud: ['other', `${audience}/`] })],
    ['no audience', 'wrong_audience', () => sign({ aud: undefined })],
    ['an audience that is no text', 'wrong_audience', () => sign({ aud: { [audience]: true } })],
    ['expired at this very moment', 'expired', () => sign({ exp: inSeconds(0) })],
    ['expired long ago', 'expired', () => sign({ exp: inSeconds(-3600), iat: inSeconds(-3700) })],
    ['no expiry', 'lifetime_too_long', () => sign({ exp: undefined })],
    ['an expiry that is no number', 'bad_claim', () => sign({ exp: String(inSeconds(300)) })],
    [
      'a life too long since its issue',
      'lifetime_too_long',
      () => sign({ iat: inSeconds(-3400), exp: inSeconds(201) }),
    ],
    ['a life too long from now on', 'lifetime_too_long', () => sign({ iat: undefined, exp: inSeconds(3601) })],
    ['an end past all time', 'lifetime_too_long', () => sign({ exp: 1e300 })],
    ['issued in the future', 'not_yet_valid', () => sign({ iat: inSeconds(31) })],
    ['an issue time that is no number', 'bad_claim', () => sign({ iat: null })],
    ['valid in the future', 'not_yet_valid', () => sign({ nbf: inSeconds(31) })],
    ['no subject', 'missing_subject', () => sign({ sub: undefined })],
    ['an empty subject', 'missing_subject', () => sign({ sub: '' })],
    ['a subject that is no string', 'bad_claim', () => sign({ sub: 7 })],
    ['a subject with a control character', 'bad_claim', () => sign({ sub: 'user\u0000' })],
    ['a subject longer than any', 'bad_claim', () => sign({ sub: 'u'.repeat(256) })],
    ['may_act for another agent', 'may_act_mismatch', () => sign({ may_act: { sub: 'agent-2' } })],
    ['may_act for our name elsewhere', 'may_act_mismatch', () => sign({ may_act: { sub: agentId, iss: 'https://x' } })],
    ['may_act that is no object', 'may_act_mismatch', () => sign({ may_act: agentId })],
    ['B12: act without may_act', 'may_act_mismatch', () => sign({ act: { sub: agentId } })],
    ['B12: act beside may_act', 'may_act_mismatch', () => sign({ act: { sub: 'x' }, may_act: { sub: agentId } })],
    ['a key the holder must prove', 'sender_constrained', () => sign({ cnf: { jkt: 'x' } })],
    ['a scope of the wrong form', 'bad_claim', () => sign({ scope: ['read'] })],
    ['permissions of the wrong form', 'bad_claim', () => sign({ permissions: 'read' })],
    ['a clearance that is no integer', 'bad_claim', () => sign({ clearance_level: 1.5 })],
    ['a negative clearance', 'bad_claim', () => sign({ clearance_level: -1 })],
    ['a tenant of the wrong form', 'bad_claim', () => sign({ tenant_id: { id: 7 } })],
    ['a token id of the wrong form', 'bad_claim', () => sign({ jti: 7 })],
    ['a session token of ours', 'not_a_user_token', () => createToken('nxs')],
    ['a key of ours', 'not_a_user_token', () => createToken('nxk')],
    ['an encrypted token', 'malformed', () => encrypt()],
    ['a signed token inside a signed token', 'malformed', async () => nest(await sign())],
    [
      'a payload that is a list',
      'malformed',
      () => `${encodePart({ alg: 'RS256', iss: bench.upstream.origin })}.W10.AA`,
    ],
    ['a fourth part', 'malformed', async () => `${await sign()}.AAAA`],
    ['text that is no UTF-8', 'malformed', async () => breakText(await sign({ sub: 'user-~' }))],
    ['a second spelling of the signature', 'malformed', async () => `${await sign()}=`],
    ['white space around it', 'malformed', async () => ` ${await sign()}\n`],
    ['garbage', 'malformed', () => 'garbage'],
    ['nothing', 'malformed', () => ''],
    ['more than 16 KiB', 'malformed', () => sign({ padding: 'x'.repeat(13_000) })],
  ])('is refused: %s (%s)', async (_case, fault, create) => {
    expect(await outcomeOf(verify(await create()))).toBe(fault);
  });

  it('is refused by an issuer that may not use its algorithm, before any key is fetched', async () => {
    const before = bench.upstream.requests('/jwks').length;
    const outcome = await outcomeOf(verify(await sign(), { issuer: { algorithms: ['ES256'] } }));
    expect([outcome, bench.upstream.requests('/jwks').length]).toEqual(['algorithm_not_allowed', before]);
  });

  it('is refused without a tenant where the tenant names the workspace', async () => {
    const settings = { issuer: { workspaceFrom: 'tenant', workspacePrefix: 't:' } };
    expect(await outcomeOf(verify(await sign(), settings))).toBe('bad_claim');
    expect((await verify(await sign({ tenant_id: 'acme' }), settings)).workspaceId).toBe('t:acme');
  });

  it('is refused where its workspace would be another issuer’s', async () => {
    const settings = { others: [{ issuer: 'https://other.example', workspacePrefix: 'other:' }] };
    expect(await outcomeOf(verify(await sign({ sub: 'other:user' }), settings))).toBe('foreign_workspace');
    expect(await outcomeOf(verify(await sign({ sub: 'othe' }), settings))).toBe('accepted');
  });

  it('never learns a key from a token', () => {
    expect(bench.upstream.requests('/forged')).toEqual([]);
  });
});

describe('B10: the replay key', () => {
  it('is the same for a token whose signature was turned into another good one', async () => {
    const token = await ec.sign(bench.claims());
    const turned = turnSignature(token);
    expect(turned).not.toBe(token);
    const [first, second] = [await verify(token), await verify(turned)];
    expect(second.replayKey).toBe(first.replayKey);
  });

  it('is that of the token id where there is one, and differs by issuer, id and kind', async () => {
    const withId = async (changes: Claims) => (await verify(await sign(changes))).replayKey;
    expect(await withId({ jti: 'a', exp: inSeconds(100) })).toBe(await withId({ jti: 'a' }));
    const other = await bench
      .verifier({ issuer: { issuer: 'https://second.example' } })
      .verify({ token: await sign({ jti: 'a', iss: 'https://second.example' }), agentId });
    const keys = [await withId({ jti: 'a' }), await withId({ jti: 'b' }), await withId({}), other.replayKey];
    expect(new Set(keys).size).toBe(4);
  });

  it('of a token id is never that of a token without one', async () => {
    const token = await sign();
    const hash = createHash('sha256').update(token.split('.').slice(0, 2).join('.')).digest('hex');
    const imitation = await sign({ jti: `token${hash}` });
    expect((await verify(imitation)).replayKey).not.toBe((await verify(token)).replayKey);
  });
});

function replaceHeader(token: string, header: Claims): string {
  return [encodePart(header), ...token.split('.').slice(1)].join('.');
}

function breakText(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const bytes = Buffer.from(payload, 'base64url');
  bytes[bytes.indexOf('~')] = 0xff;
  return `${header}.${bytes.toString('base64url')}.${signature}`;
}

function nest(token: string): string {
  return `${encodePart({ alg: 'RS256', kid: 'rsa', cty: 'JWT', iss: bench.upstream.origin })}.${encodePart(token)}.AAAA`;
}

function encrypt(): Promise<string> {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return new CompactEncrypt(Buffer.from(JSON.stringify(bench.claims())))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', iss: bench.upstream.origin })
    .encrypt(publicKey);
}

const orderOfP256 = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

/** ECDSA: where (r, s) verifies, (r, n - s) does too. */
function turnSignature(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const s = orderOfP256 - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const turned = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
  return `${header}.${payload}.${turned.toString('base64url')}`;
}
