import * as openid from 'openid-client';
import type { Provider } from '../domain/provider.js';
import { normalizeScope } from '../domain/token-set.js';
import { type Account, readAccount, unknownAccount } from './account.js';
import { type AuthorizationServer, usesIdToken } from './authorization-server.js';
import { normalizeRedirectUri } from './authorization-url.js';
import { checkIdToken } from './id-token.js';
import { createFailure, ProviderCallError } from './provider-error.js';
import { requestToken, type TokenAnswer, type TokenRequestDeps } from './token-request.js';

export interface ExchangeCodeInput {
  /** Placed with what the flow has; what the callback and the answers tell is added to it. */
  readonly provider: Provider;
  readonly clientSecrets: readonly string[];
  /** The query of the callback, in order, repetitions included. */
  readonly parameters: Iterable<readonly [string, string]>;
  readonly redirectUri: string;
  readonly state: string;
  readonly codeVerifier: string;
  readonly nonce: string;
  readonly scopes: readonly string[];
}

/** What the authorization code was exchanged for; the account is what the ID token tells. */
export interface CodeAnswer extends TokenAnswer {
  readonly account: Account;
}

/** `error_description` and whatever else a provider appends are dropped unread. */
const readParameters = new Set(['code', 'state', 'iss', 'error']);

/**
 * Verifies the authorization response (state, RFC 9207 `iss`), exchanges its code with PKCE and verifies the ID token,
 * signature included. Subject and label come from the ID token; without one they are null.
 */
export async function exchangeCode(
  deps: TokenRequestDeps,
  input: ExchangeCodeInput & { readonly server: AuthorizationServer },
): Promise<CodeAnswer> {
  const { server } = input;
  const { profile } = input.provider;
  const keepsIdToken = usesIdToken(server, input.scopes);
  // Without keys an ID token could not be verified, and an unverified one proves nobody's account.
  if (keepsIdToken && server.jwksUri === null) {
    throw new ProviderCallError('verification', { failure: createFailure('configuration') });
  }
  const redirectUri = normalizeRedirectUri(input.redirectUri);
  const callbackUrl = new URL(redirectUri);
  let code = '';
  for (const [name, value] of input.parameters) {
    if (!readParameters.has(name) || (name === 'iss' && !server.hasIssuer)) continue;
    callbackUrl.searchParams.append(name, value);
    if (name === 'code') code = value;
  }
  const { result: account, ...answer } = await requestToken(deps, {
    profile,
    server,
    clientSecrets: input.clientSecrets,
    stage: 'exchange',
    call: 'exchange',
    impliedScope: normalizeScope(input.scopes.join(' ')),
    idToken: keepsIdToken ? 'verify' : 'drop',
    run: async (configuration) => {
      const answer = await openid.authorizationCodeGrant(
        configuration,
        callbackUrl,
        {
          expectedState: input.state,
          ...(profile.pkce === 'refused' ? {} : { pkceCodeVerifier: input.codeVerifier }),
          ...(keepsIdToken ? { expectedNonce: input.nonce, idTokenExpected: true } : {}),
        },
        {
          redirect_uri: redirectUri,
          ...(profile.tokenRequest.sendsScope ? { scope: input.scopes.join(profile.scopeSeparator) } : {}),
        },
      );
      const claims = answer.claims();
      if (claims === undefined || answer.id_token === undefined) return unknownAccount;
      checkIdToken({ idToken: answer.id_token, claims, accessToken: answer.access_token, code });
      return readAccount(claims);
    },
  });
  return { ...answer, account };
}
