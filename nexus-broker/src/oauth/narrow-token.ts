/** Has the provider mint a token that can do less than the one at hand. */
import * as openid from 'openid-client';
import type { OauthCredential } from '../domain/credential.js';
import type { DownscopeMethod, Provider } from '../domain/provider.js';
import type { AuthorizationServer } from './authorization-server.js';
import { requireIssuedOrigin } from './refresh-grant.js';
import { settleExpiry } from './token-expiry.js';
import { requestToken, type TokenRequestDeps } from './token-request.js';

export interface NarrowTokenInput {
  readonly provider: Provider;
  readonly clientSecrets: readonly string[];
  readonly via: DownscopeMethod;
  /** What `via` presents: the connection's refresh token, or its access token. It is sent to `issuedOrigin` only. */
  readonly token: string;
  /** At least one: a request without any would be answered with all of them (RFC 6749 section 3.3). */
  readonly scopes: readonly string[];
  readonly issuedOrigin: string;
  /** Ends the request, however far it came. */
  readonly signal?: AbortSignal;
}

export interface MintedToken {
  readonly kind: 'minted';
  /** `refreshToken` is null except where a token exchange issued one, which then stands for the minted token alone. */
  readonly tokenSet: OauthCredential;
  readonly issuedOrigin: string;
  /** Replaces the one that was presented and belongs to the connection; null when that one stays valid. */
  readonly rotatedRefreshToken: string | null;
}

/** Throws ProviderCallError. */
export async function narrowToken(
  deps: TokenRequestDeps,
  input: NarrowTokenInput & { readonly server: AuthorizationServer },
): Promise<MintedToken> {
  const { server, via, token } = input;
  const { profile } = input.provider;
  const issuedOrigin = requireIssuedOrigin(server, input.issuedOrigin);
  // The token endpoint alone answers for fewer scopes, wherever refreshes go.
  const { tokenSet: minted } = await requestToken(deps, {
    profile: { ...profile, refreshUrl: null },
    server,
    clientSecrets: input.clientSecrets,
    stage: 'refresh',
    call: via === 'refresh' ? 'narrowing' : 'other',
    // RFC 6749 section 5.1: an answer without `scope` grants what was asked for.
    impliedScope: input.scopes.join(' '),
    idToken: 'drop',
    signal: input.signal,
    run: (configuration) => requests[via](configuration, token, input.scopes.join(profile.scopeSeparator)),
  });
  const tokenSet = await settleExpiry(deps, {
    profile,
    server,
    clientSecrets: input.clientSecrets,
    tokenSet: minted,
    issuedOrigin,
    origins: undefined,
    mayAsk: false,
  });
  if (via === 'token_exchange') return { kind: 'minted', tokenSet, issuedOrigin, rotatedRefreshToken: null };
  return {
    kind: 'minted',
    tokenSet: { ...tokenSet, refreshToken: null },
    issuedOrigin,
    rotatedRefreshToken: tokenSet.refreshToken === token ? null : tokenSet.refreshToken,
  };
}

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';

type NarrowingRequest = (configuration: openid.Configuration, token: string, scope: string) => Promise<unknown>;

const requests: Record<DownscopeMethod, NarrowingRequest> = {
  /** RFC 6749 section 6. */
  refresh: (configuration, token, scope) => openid.refreshTokenGrant(configuration, token, { scope }),
  /** RFC 8693 section 2.1. */
  token_exchange: (configuration, token, scope) =>
    openid.genericGrantRequest(configuration, 'urn:ietf:params:oauth:grant-type:token-exchange', {
      subject_token: token,
      subject_token_type: accessTokenType,
      requested_token_type: accessTokenType,
      scope,
    }),
};
