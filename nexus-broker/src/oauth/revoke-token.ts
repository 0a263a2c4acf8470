import * as openid from 'openid-client';
import type { Provider } from '../domain/provider.js';
import type { AuthorizationServer } from './authorization-server.js';
import { findOutgoingError, OutgoingError } from './outgoing-error.js';
import { classifyAnswer, createFailure, isClientRefused, type ProviderCallFailure } from './provider-error.js';
import { createConfiguration, recordAnswer, type TokenRequestDeps, withoutUserAgent } from './token-request.js';

export interface RevokeTokenInput {
  readonly provider: Provider;
  readonly clientSecrets: readonly string[];
  readonly token: string;
  readonly hint: 'refresh_token' | 'access_token';
  /** Origin that issued the token: when the profile has moved elsewhere since, the token is not sent. */
  readonly issuedOrigin: string;
}

export interface RevokeTokenOutcome {
  /**
   * `revoked`, `unsupported` (the provider names no endpoint, or refuses the token type), or a short code: the provider's
   * own error word, `http_<status>`, `unreachable`, `origin_changed` or `no_client_secret`.
   */
  readonly outcome: string;
  /** Whether the same call may succeed later (RFC 7009 section 2.2.1), whatever word came with the status. */
  readonly mayPass: boolean;
}

/** Revokes one token (RFC 7009). It does not reject for anything a provider does. */
export async function revokeToken(
  deps: TokenRequestDeps,
  input: RevokeTokenInput & { readonly server: AuthorizationServer },
): Promise<RevokeTokenOutcome> {
  const { server } = input;
  if (server.revocationEndpoint === null) return forGood('unsupported');
  // A token goes back to the origin it came from and nowhere else, whatever the profile says by now.
  const origins = [server.tokenEndpoint, server.revocationEndpoint].map((endpoint) => new URL(endpoint).origin);
  if (origins.some((origin) => origin !== input.issuedOrigin)) return forGood('origin_changed');
  const isPublicClient = input.provider.profile.tokenEndpointAuthMethod === 'none';
  let refused = forGood('no_client_secret');
  for (const secret of isPublicClient ? [''] : input.clientSecrets) {
    const failure = await revokeOnce(deps, input, secret);
    if (failure === null) return forGood('revoked');
    refused = { outcome: describeFailure(failure), mayPass: mayPass(failure) };
    if (!isClientRefused(failure)) break;
  }
  return refused;
}

function forGood(outcome: string): RevokeTokenOutcome {
  return { outcome, mayPass: false };
}

/** Null when the provider has taken the token back. */
async function revokeOnce(
  deps: TokenRequestDeps,
  input: RevokeTokenInput & { readonly server: AuthorizationServer },
  secret: string,
): Promise<ProviderCallFailure | null> {
  let failure: ProviderCallFailure | null = null;
  try {
    const { profile } = input.provider;
    const configuration = createConfiguration(deps, { profile, server: input.server, secret });
    configuration[openid.customFetch] = async (url, init) => {
      const response = await deps.guardedFetch.fetch(url, {
        method: init.method,
        headers: withoutUserAgent(init.headers),
        body: init.body instanceof URLSearchParams ? init.body : null,
      });
      // Some providers answer 204 where RFC 7009 section 2.2 says 200.
      if (!response.ok) failure = classifyAnswer(await recordAnswer(response), deps.clock.now());
      return new Response(null, { status: 200 });
    };
    await openid.tokenRevocation(configuration, input.token, { token_type_hint: input.hint });
    return failure;
  } catch (error) {
    const outgoing = findOutgoingError(error) ?? new OutgoingError('invalid_request', { wasSent: false, cause: error });
    return { ...createFailure('transient'), upstreamStatus: outgoing.status };
  }
}

function describeFailure(failure: ProviderCallFailure): string {
  if (failure.upstreamError === 'unsupported_token_type') return 'unsupported';
  if (failure.upstreamError !== null) return failure.upstreamError;
  return failure.upstreamStatus === null ? 'unreachable' : `http_${failure.upstreamStatus}`;
}

function mayPass({ upstreamStatus }: ProviderCallFailure): boolean {
  return upstreamStatus === null || upstreamStatus === 429 || upstreamStatus >= 500;
}
