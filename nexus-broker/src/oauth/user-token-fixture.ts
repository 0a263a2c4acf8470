import { generateKeyPairSync } from 'node:crypto';
import { NexusError } from '@nexus/core/errors';
import { type Claims, createTokenSigner, type TokenSigner } from '@nexus/testkit/scripted-id-tokens';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { CompactSign, type JWK } from 'jose';
import { type UserIssuer, userTokenAlgorithms } from '../domain/user-issuer.js';
import { UserTokenError } from '../domain/user-token-error.js';
import type { VerifiedUser } from '../domain/verified-user.js';
import { createGuardedFetch } from './guarded-fetch.js';
import { createUserTokenVerifier, type UserTokenVerifier, type VerificationSettings } from './user-token-verifier.js';

export type Signer = Pick<TokenSigner, 'kid' | 'publicJwk' | 'sign'>;

export const rsa = createTokenSigner('RS256', 'rsa');
export const ec = createTokenSigner('ES256', 'ec');
export const ed = createEdSigner('ed');

export const audience = 'https://nexus.example';
export const agentId = 'agent-1';
/** A second that no token of a test depends on. */
export const startSeconds = Date.UTC(2026, 5, 1) / 1000;

/** An identity provider with its keys at `/jwks`, and a verifier that knows it, under a clock of their own. */
export interface UserTokenBench {
  readonly upstream: ScriptedProvider;
  readonly issuer: UserIssuer;
  readonly now: () => number;
  advance(seconds: number): void;
  publish(...signers: readonly Signer[]): void;
  /** Claims of a token that passes; a change to undefined takes one away. */
  claims(changes?: Claims): Claims;
  /** Every verifier begins without keys. */
  verifier(settings?: BenchSettings): UserTokenVerifier;
  close(): Promise<void>;
}

export interface BenchSettings {
  readonly issuer?: Partial<UserIssuer>;
  readonly others?: readonly Partial<UserIssuer>[];
  readonly verification?: Partial<VerificationSettings>;
  readonly guardTimeoutMs?: number;
}

export async function startUserTokenBench(): Promise<UserTokenBench> {
  const upstream = await startScriptedProvider();
  const guards: AsyncDisposable[] = [];
  const issuer = createUserIssuer({ issuer: upstream.origin, jwksUri: upstream.url('/jwks') });
  let nowMs = startSeconds * 1000;
  const now = () => nowMs / 1000;
  return {
    upstream,
    issuer,
    now,
    advance: (seconds) => {
      nowMs += seconds * 1000;
    },
    publish: (...signers) => upstream.answer('/jwks', { body: { keys: signers.map((signer) => signer.publicJwk) } }),
    claims: (changes = {}) => {
      const claims = { iss: upstream.origin, aud: audience, sub: 'user-1', iat: now(), exp: now() + 300, ...changes };
      return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
    },
    verifier: (settings = {}) => {
      const timeouts = settings.guardTimeoutMs === undefined ? {} : { timeouts: { totalMs: settings.guardTimeoutMs } };
      const guardedFetch = createGuardedFetch({ environment: 'development', egressAllow: [], ...timeouts });
      guards.push(guardedFetch);
      const issuers = [{ ...issuer, ...settings.issuer }, ...(settings.others ?? []).map(createUserIssuer)];
      const { verification } = settings;
      return createUserTokenVerifier({
        guardedFetch,
        clock: { now: () => nowMs },
        findIssuer: async (name) => {
          if (/[\p{Cc}\p{Cs}]/u.test(name)) throw new Error('no database takes this text');
          return issuers.find((candidate) => candidate.issuer === name) ?? null;
        },
        listWorkspacePrefixes: async () => issuers.map((candidate) => candidate.workspacePrefix),
        publicUrl: audience,
        verification:
          verification === undefined
            ? null
            : { url: upstream.url('/verify'), workspaceFrom: 'sub', workspacePrefix: 'ext:', ...verification },
      });
    },
    close: async () => {
      for (const guard of guards) await guard[Symbol.asyncDispose]();
      await upstream.close();
    },
  };
}

function createUserIssuer(values: Partial<UserIssuer> = {}): UserIssuer {
  return {
    issuerId: values.issuer ?? 'issuer',
    issuer: 'https://idp.example',
    jwksUri: null,
    audience,
    algorithms: userTokenAlgorithms,
    scopeClaim: null,
    tenantClaim: 'tenant_id',
    clearanceClaim: 'clearance_level',
    workspaceFrom: 'sub',
    workspacePrefix: '',
    maxLifetimeSeconds: 3600,
    createdAt: '2026-01-01T00:00:00.000Z',
    ...values,
  };
}

function createEdSigner(kid: string): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    kid,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'EdDSA' } as JWK,
    sign: (claims, header = {}) =>
      new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'JWT', ...header })
        .sign(privateKey),
  };
}

/** The fault, or the code of any other refusal, or `accepted`. */
export async function outcomeOf(work: Promise<VerifiedUser>): Promise<string> {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    if (error instanceof UserTokenError) return error.fault;
    if (error instanceof NexusError) return error.code;
    throw error;
  }
}

export function encodePart(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}
