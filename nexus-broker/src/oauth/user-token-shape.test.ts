import { createToken } from '@nexus/core/tokens';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentId, encodePart, outcomeOf, rsa, startUserTokenBench, type UserTokenBench } from './user-token-fixture.js';
import { checkTokenText } from './user-token-shape.js';

let bench: UserTokenBench;
beforeAll(async () => {
  bench = await startUserTokenBench();
});
afterAll(() => bench.close());
beforeEach(() => {
  bench.publish(rsa);
  bench.upstream.answer('/verify', {
    body: { user_id: 'user-1', tenant_id: null, clearance_level: 0, permissions: [] },
  });
});

/** What became of the token, and whether the endpoint saw it. */
async function send(token: string) {
  const before = bench.upstream.requests('/verify').length;
  const outcome = await outcomeOf(bench.verifier({ verification: {} }).verify({ token, agentId }));
  return { outcome, isShown: bench.upstream.requests('/verify').length > before };
}

const signed = () => rsa.sign(bench.claims());

describe('who sees a user token', () => {
  it.each<readonly [string, () => Promise<string> | string]>([
    ['an opaque token', () => 'opaque-token'],
    ['a token of another issuer', () => rsa.sign(bench.claims({ iss: 'https://other.example' }))],
    ['a token that names no issuer', () => rsa.sign(bench.claims({ iss: undefined }))],
    ['an issuer that is no text', () => rsa.sign(bench.claims({ iss: ['x'] }))],
    ['an issuer no database could hold', () => rsa.sign(bench.claims({ iss: 'https://x\u0000' }))],
  ])('shows %s to the verification endpoint', async (_case, create) => {
    expect(await send(await create())).toEqual({ outcome: 'accepted', isShown: true });
  });

  it.each<readonly [string, string, () => Promise<string> | string]>([
    ['that passes', 'accepted', signed],
    ['that has expired', 'expired', () => rsa.sign(bench.claims({ exp: bench.now() - 1 }))],
    ['that is forged', 'bad_signature', async () => (await signed()).replace(/[^.]+$/, encodePart('x'.repeat(256)))],
    ['without its signature', 'malformed', async () => (await signed()).split('.').slice(0, 2).join('.')],
    ['with two signatures', 'malformed', async () => `${await signed()}.AAAA`],
    ['with padding', 'malformed', async () => (await signed()).split('.').join('==.')],
    ['with disclosures behind it', 'malformed', async () => `${await signed()}~WyJhIl0~`],
    ['with its dots percent-encoded', 'malformed', async () => (await signed()).replaceAll('.', '%2E')],
    ['with a letter percent-encoded', 'malformed', async () => (await signed()).replace('.e', '.%65')],
    ['as JSON', 'malformed', async () => toJsonForm(await signed())],
    ['in a form field', 'malformed', async () => `token=${await signed()}&x=1`],
    ['inside an encrypted one that names its issuer', 'malformed', () => `${encodePart(header())}.AAAA.AAAA.AAAA.AAAA`],
  ])('shows a registered issuer’s token %s to nobody', async (_case, outcome, create) => {
    expect(await send(await create())).toEqual({ outcome, isShown: false });
  });

  it.each<readonly [string, string]>([
    ['a session token', createToken('nxs')],
    ['a key', createToken('nxk')],
    ['a connection id', createToken('nxc')],
    ['a mistyped session token', `${createToken('nxs').slice(0, -1)}`],
    ['one in a form field', `token=${createToken('nxs')}`],
    ['one behind a header', `${encodePart({ alg: 'RS256' })}.${createToken('nxs')}.AAAA`],
  ])('shows %s of ours to nobody', async (_case, token) => {
    expect(await send(token)).toEqual({ outcome: 'not_a_user_token', isShown: false });
  });

  it.each<readonly [string, string]>([
    ['text that is no bearer token', 'two words'],
    ['text beyond ASCII', 'tökén'],
    ['more than 16 KiB', 'x'.repeat(16_385)],
    [
      'more issuers than a token has',
      Array.from({ length: 5 }, (_, i) => encodePart({ iss: `issuer-${i}` })).join('.'),
    ],
  ])('shows %s to nobody', async (_case, token) => {
    expect(await send(token)).toEqual({ outcome: 'malformed', isShown: false });
  });

  it('takes a signature that only looks like a token of ours for what it is', () => {
    const lookalike = `nxs_${'A'.repeat(60)}`;
    expect(() => checkTokenText(`${encodePart({ alg: 'RS256' })}.e30.${lookalike}`)).not.toThrow();
    expect(() => checkTokenText(lookalike)).toThrow(expect.objectContaining({ fault: 'not_a_user_token' }));
  });

  it('refuses what it could only show to an endpoint when there is none', async () => {
    const verifier = bench.verifier();
    const foreign = await rsa.sign(bench.claims({ iss: 'https://other.example' }));
    expect(await outcomeOf(verifier.verify({ token: 'opaque-token', agentId }))).toBe('malformed');
    expect(await outcomeOf(verifier.verify({ token: foreign, agentId }))).toBe('unknown_issuer');
  });
});

function header() {
  return { alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT', iss: bench.upstream.origin };
}

/** RFC 7515, section 7.2.2. */
function toJsonForm(token: string): string {
  const [protectedHeader, payload, signature] = token.split('.');
  return JSON.stringify({ payload, protected: protectedHeader, signature });
}
