import * as openid from 'openid-client';
import type { OauthCredential } from '../domain/credential.js';
import type { Provider } from '../domain/provider.js';
import { splitScope } from '../domain/token-set.js';
import type { AuthorizationServer } from './authorization-server.js';
import { checkIdToken } from './id-token.js';
import { learnKeys } from './key-set.js';
import { createFailure, ProviderCallError } from './provider-error.js';
import { pickRefreshToken } from './shape-answer.js';
import { settleExpiry } from './token-expiry.js';
import { createConfiguration, requestToken, type TokenRequestDeps } from './token-request.js';
import { type Issued, isTrusted, originOf } from './trusted-origins.js';

export interface RefreshGrantInput extends Issued {
  readonly provider: Provider;
  readonly clientSecrets: readonly string[];
  readonly refreshToken: string;
  /** The scope granted so far: what an answer without `scope` means (RFC 6749 section 6). */
  readonly scope: string;
  /** What was asked for, for a provider that wants to hear it again. */
  readonly requestedScopes?: readonly string[];
  /** The account's subject where it is known: an ID token of somebody else is not kept. */
  readonly expectedSubject?: string | null;
  /** Ends the request, however far it came. */
  readonly signal?: AbortSignal;
}

export interface RefreshedToken {
  readonly kind: 'refreshed';
  /** `refreshToken` is null when the provider sent none; `mergeRefreshed` then keeps the old one. */
  readonly tokenSet: OauthCredential;
  readonly issuedOrigin: string;
  /** Whether the provider sent a refresh token that differs from the one used. */
  readonly isRotated: boolean;
}

/** One refresh request (RFC 6749 section 6). Throws ProviderCallError. */
export async function refreshGrant(
  deps: TokenRequestDeps,
  input: RefreshGrantInput & { readonly server: AuthorizationServer },
): Promise<RefreshedToken> {
  const { server } = input;
  const { profile } = input.provider;
  const origin = requireIssuedOrigin(server, input.issuedOrigin);
  if (profile.refreshUrl !== null && !isTrusted(profile.refreshUrl, input)) throw originChanged();
  const readsIdToken = profile.exposeIdToken && server.hasIssuer && server.jwksUri !== null;
  // Before the refresh token is shown: what it is exchanged for waits for nobody's keys.
  if (readsIdToken) await learnKeys(deps, server, input.signal);
  const scopes = profile.tokenRequest.sendsScope ? (input.requestedScopes ?? splitScope(input.scope)) : [];
  const answer = await requestToken(deps, {
    profile,
    server,
    clientSecrets: input.clientSecrets,
    stage: 'refresh',
    call: 'refresh',
    impliedScope: input.scope,
    idToken: readsIdToken ? 'defer' : 'drop',
    signal: input.signal,
    run: (configuration) =>
      openid.refreshTokenGrant(
        configuration,
        input.refreshToken,
        scopes.length === 0 ? {} : { scope: scopes.join(profile.scopeSeparator) },
      ),
  });
  const refreshToken = pickRefreshToken(profile, answer.tokenSet);
  const isRotated = refreshToken !== null && refreshToken !== input.refreshToken;
  const tokenSet = await settleExpiry(deps, {
    ...input,
    profile,
    tokenSet: { ...answer.tokenSet, refreshToken },
    origins: input.origins,
    // The only copy of a new refresh token waits for nobody.
    mayAsk: !isRotated,
  });
  const isVerified = tokenSet.idToken !== null && (await isIdTokenOfAccount(deps, input, tokenSet));
  return {
    kind: 'refreshed',
    tokenSet: isVerified ? tokenSet : { ...tokenSet, idToken: null },
    issuedOrigin: origin,
    isRotated,
  };
}

/** What a token may be sent to: the origin that issued it. @throws ProviderCallError `origin_changed`. */
export function requireIssuedOrigin(server: AuthorizationServer, issuedOrigin: string): string {
  if (originOf(server.tokenEndpoint) !== issuedOrigin) throw originChanged();
  return issuedOrigin;
}

function originChanged(): ProviderCallError {
  return new ProviderCallError('refresh', { failure: createFailure('origin_changed') });
}

/**
 * Verifies the ID token of a refresh by showing openid-client the answer again, with the keys at hand. A failure costs
 * only the ID token: the tokens beside it are already the newest of their family and must be stored.
 */
async function isIdTokenOfAccount(
  deps: TokenRequestDeps,
  input: RefreshGrantInput & { readonly server: AuthorizationServer },
  tokenSet: OauthCredential,
): Promise<boolean> {
  const { server } = input;
  const profile = { ...input.provider.profile, tokenEndpointAuthMethod: 'none' } as const;
  const configuration = await createConfiguration(deps, { profile, server, secret: '' });
  configuration[openid.customFetch] = (_url, init) =>
    init.method === 'POST'
      ? Promise.resolve(
          Response.json({ access_token: tokenSet.accessToken, token_type: 'bearer', id_token: tokenSet.idToken }),
        )
      : Promise.reject(new Error('no keys are fetched before the new tokens are stored'));
  if (server.jwksCache.current !== null) openid.setJwksCache(configuration, server.jwksCache.current);
  try {
    const answer = await openid.refreshTokenGrant(configuration, 'recorded');
    const claims = answer.claims();
    if (claims === undefined || answer.id_token === undefined) return false;
    checkIdToken({ idToken: answer.id_token, claims, accessToken: tokenSet.accessToken, code: null });
    // OpenID Connect Core 12.2: the subject is the one of the first ID token.
    return (input.expectedSubject ?? null) === null || claims.sub === input.expectedSubject;
  } catch {
    // The issuer may have a new key; the next refresh looks for it.
    server.jwksCache.current = null;
    return false;
  }
}
