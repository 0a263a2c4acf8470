/** When a token ends whose provider does not say so with it. */
import * as openid from 'openid-client';
import type { OauthCredential } from '../domain/credential.js';
import type { ProviderProfile } from '../domain/provider.js';
import { maxLifetimeSeconds } from '../domain/token-set.js';
import type { AuthorizationServer } from './authorization-server.js';
import { shapeClientRequest } from './shape-request.js';
import { createConfiguration, type TokenRequestDeps } from './token-request.js';
import { isTrusted } from './trusted-origins.js';

interface ExpiryInput {
  readonly profile: ProviderProfile;
  readonly server: AuthorizationServer;
  readonly clientSecrets: readonly string[];
  readonly tokenSet: OauthCredential;
  /** Where the token may be sent. */
  readonly issuedOrigin: string;
  readonly origins: readonly string[] | undefined;
  /** False where the answer holds what must be stored before anything else is done. */
  readonly mayAsk: boolean;
}

const introspectionTimeoutMs = 3_000;
const unknownLifetimeSeconds = 3_600;

/** Never rejects: a token that is at hand is not lost for want of an end. */
export async function settleExpiry(deps: TokenRequestDeps, input: ExpiryInput): Promise<OauthCredential> {
  const { tokenSet, mayAsk } = input;
  const { whenExpiryMissing, defaultLifetimeSeconds } = input.profile.tokenAnswer;
  if (tokenSet.expiresAt !== null) return tokenSet;
  const now = Math.floor(deps.clock.now() / 1_000);
  const told = whenExpiryMissing === 'introspect' && mayAsk ? await introspectExpiry(deps, input) : null;
  if (told !== null && told > now) return { ...tokenSet, expiresAt: Math.min(told, now + maxLifetimeSeconds) };
  const assumed = defaultLifetimeSeconds ?? (whenExpiryMissing === 'never' ? null : unknownLifetimeSeconds);
  return assumed === null ? tokenSet : { ...tokenSet, expiresAt: now + assumed };
}

/** RFC 7662; Unix seconds, or null where the provider tells nothing of use. */
async function introspectExpiry(
  deps: TokenRequestDeps,
  { profile, server, clientSecrets, tokenSet, issuedOrigin, origins }: ExpiryInput,
): Promise<number | null> {
  const { introspectionEndpoint } = server;
  if (introspectionEndpoint === null || !isTrusted(introspectionEndpoint, { issuedOrigin, origins })) return null;
  const signal = AbortSignal.timeout(introspectionTimeoutMs);
  for (const secret of profile.tokenEndpointAuthMethod === 'none' ? [''] : clientSecrets) {
    try {
      const configuration = await createConfiguration(deps, { profile, server, secret });
      configuration[openid.customFetch] = (url, init) => {
        const { url: target, ...request } = shapeClientRequest(profile, { url, init });
        return deps.guardedFetch.fetch(target, { ...request, signal });
      };
      const { active, exp } = await openid.tokenIntrospection(configuration, tokenSet.accessToken);
      return active && typeof exp === 'number' && Number.isSafeInteger(exp) ? exp : null;
    } catch {
      // The next secret may be the one that is accepted.
    }
  }
  return null;
}
