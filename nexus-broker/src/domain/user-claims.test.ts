import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from './field-reader.js';
import { readUserClaims } from './user-claims.js';
import type { UserIssuer } from './user-issuer.js';
import { UserTokenError } from './user-token-error.js';

const now = 1_780_000_000;
const issuer: UserIssuer = {
  issuerId: 'issuer',
  issuer: 'https://idp.example',
  jwksUri: null,
  audience: 'https://nexus.example',
  algorithms: ['RS256'],
  scopeClaim: null,
  tenantClaim: 'tenant_id',
  clearanceClaim: 'clearance_level',
  workspaceFrom: 'sub',
  workspacePrefix: '',
  maxLifetimeSeconds: 3600,
  createdAt: '2026-01-01T00:00:00.000Z',
};
const claims = { iss: issuer.issuer, aud: issuer.audience, sub: 'user', iat: now, exp: now + 300 };

function read(changes: JsonObject, settings: Partial<UserIssuer> = {}, nowMs = now * 1000) {
  const context = { agentId: 'agent', publicUrl: 'https://nexus.example', nowMs };
  return readUserClaims({ ...claims, ...changes }, { ...context, issuer: { ...issuer, ...settings } });
}

function outcome(changes: JsonObject, settings: Partial<UserIssuer> = {}, nowMs = now * 1000): string {
  try {
    read(changes, settings, nowMs);
    return 'accepted';
  } catch (error) {
    if (error instanceof UserTokenError) return error.fault;
    throw error;
  }
}

describe('permissions of a user', () => {
  it.each<readonly [string, string | null, JsonObject, readonly string[]]>([
    ['come from scope', null, { scope: 'read write' }, ['read', 'write']],
    ['come from scope before permissions', null, { scope: 'read', permissions: ['admin'] }, ['read']],
    ['are none with an empty scope', null, { scope: '', permissions: ['admin'] }, []],
    ['come from permissions without scope', null, { permissions: ['read', 'a b'] }, ['read', 'a b']],
    ['come from permissions where scope is null', null, { scope: null, permissions: ['read'] }, ['read']],
    ['are none without either', null, {}, []],
    ['come from the claim that is named, as text', 'scp', { scp: 'read  write', scope: 'admin' }, ['read', 'write']],
    ['come from the claim that is named, as a list', 'scp', { scp: ['read'] }, ['read']],
    ['are none without that claim', 'scp', { scope: 'admin', permissions: ['admin'] }, []],
  ])('%s', (_case, scopeClaim, changes, expected) => {
    expect(read(changes, { scopeClaim }).permissions).toEqual(expected);
  });

  it.each<readonly [string | null, JsonObject]>([
    [null, { scope: 7 }],
    [null, { scope: ['read'] }],
    [null, { permissions: 'read' }],
    [null, { permissions: [7] }],
    [null, { permissions: { read: true } }],
    ['scp', { scp: { read: true } }],
    ['scp', { scp: [['read']] }],
    ['scp', { scp: true }],
  ])('have no other form (%s, %j)', (scopeClaim, changes) => {
    expect(outcome(changes, { scopeClaim })).toBe('bad_claim');
  });
});

describe('tenant and clearance of a user', () => {
  it.each<readonly [JsonObject, string | null, number]>([
    [{}, null, 0],
    [{ tenant_id: null, clearance_level: null }, null, 0],
    [{ tenant_id: 'acme', clearance_level: 4 }, 'acme', 4],
    [{ tenant_id: 0, clearance_level: 0 }, '0', 0],
  ])('are read from %j', (changes, tenantId, clearanceLevel) => {
    expect(read(changes)).toMatchObject({ tenantId, clearanceLevel });
  });

  it.each<JsonObject>([
    { tenant_id: '' },
    { tenant_id: 1.5 },
    { tenant_id: 2 ** 53 },
    { tenant_id: true },
    { tenant_id: ['acme'] },
    { tenant_id: 'a\ud800' },
    { clearance_level: '4' },
    { clearance_level: 1.5 },
    { clearance_level: -1 },
    { clearance_level: 2 ** 53 },
    { clearance_level: true },
  ])('have no other form (%j)', (changes) => {
    expect(outcome(changes)).toBe('bad_claim');
  });

  it.each(['constructor', '__proto__', 'toString'])('are absent where only JavaScript has a member %s', (name) => {
    const { tenantId, clearanceLevel, permissions } = read(
      {},
      { tenantClaim: name, clearanceClaim: name, scopeClaim: name },
    );
    expect([tenantId, clearanceLevel, permissions]).toEqual([null, 0, []]);
  });
});

describe('times of a user token', () => {
  const ms = fc.integer({ min: -7_200_000, max: 7_200_000 }).map((offset) => now * 1000 + offset);
  const seconds = fc.integer({ min: -7_200, max: 7_200 }).map((offset) => now + offset);

  it('B11: never leave a user longer than the token lives or the issuer may grant', () => {
    fc.assert(
      fc.property(ms, seconds, fc.option(seconds, { nil: undefined }), (nowMs, exp, iat) => {
        let expiresAt: number;
        try {
          ({ expiresAt } = read({ exp, iat }, {}, nowMs));
        } catch (error) {
          if (error instanceof UserTokenError) return;
          throw error;
        }
        const ahead = iat === undefined ? 0 : 30;
        expect(expiresAt).toBeLessThanOrEqual(exp);
        expect(expiresAt * 1000).toBeGreaterThan(nowMs);
        expect(expiresAt - nowMs / 1000).toBeLessThanOrEqual(issuer.maxLifetimeSeconds + ahead);
        if (iat !== undefined) expect(exp - iat).toBeLessThanOrEqual(issuer.maxLifetimeSeconds);
      }),
    );
  });

  it('are rounded down, so that no fraction is added to a life', () => {
    expect(read({ exp: now + 1.9 }).expiresAt).toBe(now + 1);
    expect(outcome({ exp: now + 0.9 })).toBe('expired');
    expect(outcome({ exp: now + 1 }, {}, now * 1000 + 999)).toBe('accepted');
  });
});

describe('B12: who may act for a user', () => {
  const mayAct = { sub: 'agent' };

  it.each<readonly [string, JsonObject]>([
    ['accepted', {}],
    ['accepted', { may_act: mayAct }],
    ['accepted', { may_act: { ...mayAct, iss: 'https://nexus.example', client_id: 'agent', more: 1 } }],
    ['may_act_mismatch', { may_act: mayAct, act: mayAct }],
    ['may_act_mismatch', { may_act: mayAct, act: null }],
    ['may_act_mismatch', { act: mayAct }],
    ['may_act_mismatch', { may_act: {} }],
    ['may_act_mismatch', { may_act: [mayAct] }],
    ['may_act_mismatch', { may_act: null }],
    ['may_act_mismatch', { may_act: { sub: 'Agent' } }],
    ['may_act_mismatch', { may_act: { ...mayAct, iss: 'https://other.example' } }],
    ['may_act_mismatch', { may_act: { ...mayAct, client_id: 'other' } }],
    ['may_act_mismatch', { may_act: { client_id: 'agent' } }],
  ])('%s: %j', (expected, changes) => {
    expect(outcome(changes)).toBe(expected);
  });
});

it('a claim of the issuer is compared character by character', () => {
  expect(outcome({ iss: 'https://IDP.example' })).toBe('unknown_issuer');
});
