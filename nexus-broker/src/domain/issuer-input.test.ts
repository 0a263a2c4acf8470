import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { type IssuerInput, parseIssuer } from './issuer-input.js';
import type { Environment } from './web-url.js';

const input: IssuerInput = {
  issuer: 'https://idp.example',
  jwksUri: null,
  audience: 'nexus',
  algorithms: null,
  scopeClaim: null,
  tenantClaim: null,
  clearanceClaim: null,
  workspaceFrom: null,
  workspacePrefix: null,
  maxLifetimeSeconds: null,
};

function problemsOf(changes: Partial<IssuerInput>, environment: Environment = 'production'): string[] {
  try {
    parseIssuer({ ...input, ...changes }, environment);
    return [];
  } catch (error) {
    if (!(error instanceof NexusError) || error.code !== 'invalid_request') throw error;
    return (error.details ?? []).map((detail) => detail.path);
  }
}

describe('an issuer as an admin writes it', () => {
  it('is filled up with the defaults of the contract', () => {
    expect(parseIssuer(input, 'production')).toEqual({
      issuer: 'https://idp.example',
      jwksUri: null,
      audience: 'nexus',
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      scopeClaim: null,
      tenantClaim: 'tenant_id',
      clearanceClaim: 'clearance_level',
      workspaceFrom: 'sub',
      workspacePrefix: '',
      maxLifetimeSeconds: 3600,
    });
  });

  it('keeps what is given, as it is given', () => {
    const given = {
      ...input,
      issuer: 'https://idp.example/Tenant/',
      jwksUri: 'https://keys.example/jwks?policy=1',
      algorithms: ['ES256', 'ES256'] as const,
      scopeClaim: 'scp',
      tenantClaim: 'https://claims.example/tenant',
      clearanceClaim: 'level',
      workspaceFrom: 'tenant' as const,
      workspacePrefix: 'acme/',
      maxLifetimeSeconds: 60,
    };
    expect(parseIssuer(given, 'production')).toEqual({ ...given, algorithms: ['ES256'] });
  });

  it.each<readonly [string, Partial<IssuerInput>]>([
    ['issuer', { issuer: 'idp.example' }],
    ['issuer', { issuer: 'https:idp.example' }],
    ['issuer', { issuer: 'http://idp.example' }],
    ['issuer', { issuer: 'http://127.0.0.1' }],
    ['issuer', { issuer: 'https://idp.example?tenant=1' }],
    ['issuer', { issuer: 'https://idp.example/?' }],
    ['issuer', { issuer: 'https://idp.example#x' }],
    ['issuer', { issuer: 'https://user@idp.example' }],
    ['issuer', { issuer: 'https://idp.example\u0000' }],
    ['issuer', { issuer: 'ftp://idp.example' }],
    ['jwks_uri', { jwksUri: 'http://keys.example' }],
    ['jwks_uri', { jwksUri: 'https://keys.example#x' }],
    ['jwks_uri', { jwksUri: 'https://user:word@keys.example' }],
    ['jwks_uri', { jwksUri: '' }],
    ['audience', { audience: '' }],
    ['audience', { audience: 'a\n' }],
    ['scope_claim', { scopeClaim: 'a\u0000' }],
    ['tenant_claim', { tenantClaim: '\ud800' }],
    ['clearance_claim', { clearanceClaim: '' }],
    ['workspace_prefix', { workspacePrefix: 'a\u0007' }],
    ['workspace_prefix', { workspacePrefix: '\udc00' }],
  ])('is refused for its %s: %j', (path, changes) => {
    expect(problemsOf(changes)).toEqual([path]);
  });

  it('may be on loopback without TLS in development, and nowhere else', () => {
    expect(problemsOf({ issuer: 'http://127.0.0.1:1', jwksUri: 'http://localhost/jwks' }, 'development')).toEqual([]);
    expect(problemsOf({ issuer: 'http://idp.example' }, 'development')).toEqual(['issuer']);
  });
});
