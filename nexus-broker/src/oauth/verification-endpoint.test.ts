import { NexusError } from '@nexus/core/errors';
import type { Script } from '@nexus/testkit/scripted-provider';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VerifiedUser } from '../domain/verified-user.js';
import { agentId, outcomeOf, startSeconds, startUserTokenBench, type UserTokenBench } from './user-token-fixture.js';

const honest = { user_id: 'user-1', tenant_id: 'acme', clearance_level: 2, permissions: ['read', 'write'] };
const soon = new Date((startSeconds + 60) * 1000).toISOString();

let bench: UserTokenBench;
beforeEach(async () => {
  bench = await startUserTokenBench();
});
afterEach(() => bench.close());

function ask(script: Script, settings = {}, guardTimeoutMs?: number): Promise<VerifiedUser> {
  bench.upstream.answer('/verify', script);
  const timeout = guardTimeoutMs === undefined ? {} : { guardTimeoutMs };
  return bench.verifier({ verification: settings, ...timeout }).verify({ token: 'opaque-token', agentId });
}
const answer = (changes = {}) => ({ body: { ...honest, ...changes } });

describe('the verification endpoint', () => {
  it('is sent the token alone, as JSON, and its word is taken for the user', async () => {
    expect(await ask(answer({ more: 'ignored' }))).toEqual({
      issuer: bench.upstream.url('/verify'),
      issuerId: null,
      subject: 'user-1',
      tenantId: 'acme',
      clearanceLevel: 2,
      permissions: ['read', 'write'],
      workspaceId: 'ext:user-1',
      expiresAt: startSeconds + 900,
      replayKey: null,
    });
    const [request] = bench.upstream.requests('/verify');
    expect([request?.method, request?.headers['content-type'], request?.body]).toEqual([
      'POST',
      'application/json',
      '{"token":"opaque-token"}',
    ]);
  });

  it.each([
    ['an instant', soon, 60],
    ['an instant in another zone', new Date((startSeconds + 7260) * 1000).toISOString().replace('Z', '+02:00'), 60],
    ['an instant with fractions, rounded down', soon.replace('.000Z', '.999Z'), 60],
    ['Unix seconds', startSeconds + 60, 60],
    ['nothing', null, 900],
  ])('may tell the end as %s', async (_case, expiresAt, seconds) => {
    expect((await ask(answer({ expires_at: expiresAt }))).expiresAt).toBe(startSeconds + seconds);
  });

  it.each([
    ['now', startSeconds],
    ['in the past', new Date((startSeconds - 1) * 1000).toISOString()],
  ])('cannot vouch for a token that ended %s', async (_case, expiresAt) => {
    expect(await outcomeOf(ask(answer({ expires_at: expiresAt })))).toBe('expired');
  });

  it('names workspaces by the tenant where it is told to', async () => {
    const settings = { workspaceFrom: 'tenant', workspacePrefix: '' };
    const others = await ask(answer({ tenant_id: 7 }), { ...settings, workspacePrefix: 't:' });
    expect([others.tenantId, others.workspaceId]).toEqual(['7', 't:7']);
    expect(await outcomeOf(ask(answer({ tenant_id: null }), { ...settings, workspacePrefix: 't:' }))).toBe('bad_claim');
  });

  it('has no part in the workspaces of a registered issuer, nor in a prefix both have', async () => {
    const others = [{ issuer: 'https://other.example', workspacePrefix: 'ext:user' }];
    bench.upstream.answer('/verify', answer());
    const verifier = bench.verifier({ verification: {}, others });
    expect(await outcomeOf(verifier.verify({ token: 'opaque-token', agentId }))).toBe('foreign_workspace');
    expect(await outcomeOf(ask(answer(), { workspacePrefix: '' }))).toBe('foreign_workspace');
  });

  it.each([400, 401, 403, 404, 410, 422])('refuses a token with %i', async (status) => {
    expect(await outcomeOf(ask({ status }))).toBe('refused_by_endpoint');
  });

  it.each<readonly [string, Script]>([
    ['fails', { status: 500 }],
    ['is not ready', { status: 503 }],
    ['knows no POST', { status: 405 }],
    ['answers with another success', { status: 201, body: honest }],
    ['answers with nothing', { status: 204 }],
    ['answers with no JSON', { body: 'ok' }],
    ['answers with a list', { body: [honest] }],
    ['answers with null', { body: null }],
    ['breaks off', { drop: 'midway' }],
    ['hangs up', { drop: 'before' }],
    ['never ends', { endless: 'chunks' }],
    ['names no user', answer({ user_id: undefined })],
    ['names an empty user', answer({ user_id: '' })],
    ['names a user by number', answer({ user_id: 7 })],
    ['names a user with a control character', answer({ user_id: 'a\n' })],
    ['leaves the tenant open', answer({ tenant_id: undefined })],
    [
      'names a tenant by a number too large to be exact',
      {
        body: JSON.stringify(honest).replace('"acme"', '9007199254740993'),
        headers: { 'content-type': 'application/json' },
      },
    ],
    ['leaves the clearance open', answer({ clearance_level: undefined })],
    ['gives the clearance as text', answer({ clearance_level: '2' })],
    ['gives a negative clearance', answer({ clearance_level: -1 })],
    ['leaves the permissions open', answer({ permissions: undefined })],
    ['gives permissions as text', answer({ permissions: 'read' })],
    ['gives permissions that are no texts', answer({ permissions: ['read', 7] })],
    ['gives an end that is no instant', answer({ expires_at: 'tomorrow' })],
    ['gives an end without a zone', answer({ expires_at: soon.replace('Z', '') })],
    ['gives an end in fractions of seconds', answer({ expires_at: startSeconds + 0.5 })],
    ['gives an end in milliseconds', answer({ expires_at: startSeconds * 1000 })],
  ])('says nothing about a token when it %s', async (_case, script) => {
    expect(await outcomeOf(ask(script))).toBe('user_verification_unavailable');
  });

  it('says nothing when it is too slow or not there', async () => {
    expect(await outcomeOf(ask({ endless: 'silent' }, {}, 50))).toBe('user_verification_unavailable');
    expect(await outcomeOf(ask({}, { url: 'http://127.0.0.1:1/verify' }))).toBe('user_verification_unavailable');
  });

  it('S-1: is not called at a private address', async () => {
    expect(await outcomeOf(ask({}, { url: 'https://10.0.0.1/verify' }))).toBe('user_verification_unavailable');
  });

  it.each([301, 302, 303, 307, 308])('S-3: gets the token but once when it redirects with %i', async (status) => {
    const outcome = await outcomeOf(ask({ status, headers: { location: bench.upstream.url('/elsewhere') } }));
    expect([outcome, bench.upstream.requests('/elsewhere')]).toEqual(['user_verification_unavailable', []]);
  });

  it('is left alone for as long as it asks', async () => {
    const error = await ask({ status: 429, headers: { 'retry-after': '17' } }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NexusError);
    expect(error).toMatchObject({ code: 'user_verification_unavailable', status: 503, retryAfter: 17 });
  });
});
