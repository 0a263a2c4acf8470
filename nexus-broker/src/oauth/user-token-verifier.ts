/**
 * Whose token is this, and how far does it go? A registered issuer's token is judged here alone and shown to nobody; any
 * other goes to the verification endpoint, if there is one; and nothing that looks like a token of ours goes anywhere.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '@nexus/core/clock';
import { readUserClaims } from '../domain/user-claims.js';
import type { UserIssuer } from '../domain/user-issuer.js';
import { UserTokenError } from '../domain/user-token-error.js';
import type { VerifiedUser } from '../domain/verified-user.js';
import { resolveWorkspace, type WorkspaceSource } from '../domain/workspace-owner.js';
import type { GuardedFetch } from './guarded-fetch.js';
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.js';
import { checkTokenText, listClaimedIssuers, readCompactJws } from './user-token-shape.js';
import { verifySignature } from './user-token-signature.js';
import { askVerificationEndpoint } from './verification-endpoint.js';

export interface VerificationSettings extends WorkspaceSource {
  readonly url: string;
}

export interface UserTokenVerifierDeps {
  readonly guardedFetch: GuardedFetch;
  readonly clock: Clock;
  readonly findIssuer: (issuer: string) => Promise<UserIssuer | null>;
  /** Those of all registered issuers. */
  readonly listWorkspacePrefixes: () => Promise<readonly string[]>;
  /** Our own issuer identifier, which `may_act` may name. */
  readonly publicUrl: string;
  /** Null where tokens of other issuers are refused. */
  readonly verification: VerificationSettings | null;
}

export interface UserTokenInput {
  readonly token: string;
  /** The agent that shows the token. */
  readonly agentId: string;
}

export interface UserTokenVerifier {
  /**
   * Proves the user, not that the token is unused: the caller spends `replayKey`.
   *
   * @throws UserTokenError; NexusError `user_verification_unavailable` when keys or the endpoint cannot be had.
   */
  verify(input: UserTokenInput): Promise<VerifiedUser>;
}

export function createUserTokenVerifier(deps: UserTokenVerifierDeps): UserTokenVerifier {
  const keys = createIssuerKeys(deps);
  return {
    async verify(input) {
      checkTokenText(input.token);
      const claimed = listClaimedIssuers(input.token);
      const registered = (await Promise.all(claimed.map(deps.findIssuer))).filter((issuer) => issuer !== null);
      if (registered.length > 0) return verifyHere({ ...deps, keys }, input, registered);
      if (deps.verification === null) throw new UserTokenError(claimed.length > 0 ? 'unknown_issuer' : 'malformed');
      return verifyThere(deps, input.token, deps.verification);
    },
  };
}

async function verifyHere(
  deps: UserTokenVerifierDeps & { readonly keys: IssuerKeys },
  { token, agentId }: UserTokenInput,
  registered: readonly UserIssuer[],
): Promise<VerifiedUser> {
  const jws = readCompactJws(token);
  const issuer = registered.find((candidate) => candidate.issuer === jws.claims['iss']);
  if (issuer === undefined) throw new UserTokenError('unknown_issuer');
  await verifySignature(deps.keys, { token, jws, issuer });
  const context = { issuer, agentId, publicUrl: deps.publicUrl, nowMs: deps.clock.now() };
  const { tokenId, ...user } = readUserClaims(jws.claims, context);
  return {
    ...user,
    workspaceId: resolveWorkspace(user, issuer, await listPrefixes(deps)),
    issuerId: issuer.issuerId,
    replayKey: createReplayKey(issuer, tokenId, jws.signingInput),
  };
}

async function verifyThere(
  deps: UserTokenVerifierDeps,
  token: string,
  verification: VerificationSettings,
): Promise<VerifiedUser> {
  const user = await askVerificationEndpoint(deps, { url: verification.url, token });
  return { ...user, workspaceId: resolveWorkspace(user, verification, await listPrefixes(deps)) };
}

async function listPrefixes(deps: UserTokenVerifierDeps): Promise<readonly string[]> {
  const registered = await deps.listWorkspacePrefixes();
  return deps.verification === null ? registered : [...registered, deps.verification.workspacePrefix];
}

/**
 * Without an id the token is known by what is signed of it, not by its whole text: anybody can turn one ECDSA signature
 * into a second good one.
 */
function createReplayKey({ issuer }: UserIssuer, tokenId: string | null, signingInput: string): string {
  return sha256(`${issuer}\0${tokenId === null ? `token${sha256(signingInput)}` : `jti${tokenId}`}`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
