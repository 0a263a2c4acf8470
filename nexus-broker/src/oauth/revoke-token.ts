import * as openid from 'openid-client';
import type { Provider } from '../domain/provider.js';
import type { RevocableToken } from '../domain/revocable-tokens.js';
import type { AuthorizationServer } from './authorization-server.js';
import { findOutgoingError, OutgoingError } from './outgoing-error.js';
import {
  classifyAnswer,
  createFailure,
  hasError,
  isClientRefused,
  isProviderCallError,
  type ProviderCallFailure,
} from './provider-error.js';
import { fillRecipe, needsSecret } from './revoke-recipe.js';
import { recordAnswer } from './shape-answer.js';
import { type ShapedRequest, shapeClientRequest } from './shape-request.js';
import { createConfiguration, type TokenRequestDeps } from './token-request.js';
import { type Issued, isTrusted, originOf } from './trusted-origins.js';

/** A token is not sent where the profile named no place then, nor once the token endpoint is elsewhere. */
export interface RevokeTokenInput extends Issued, RevocableToken {
  readonly provider: Provider;
  readonly clientSecrets: readonly string[];
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

type RevokeCallInput = RevokeTokenInput & { readonly server: AuthorizationServer };

/** Revokes one token, as its profile says or by RFC 7009. It does not reject for anything a provider does. */
export async function revokeToken(deps: TokenRequestDeps, input: RevokeCallInput): Promise<RevokeTokenOutcome> {
  const { profile } = input.provider;
  const { via, request } = profile.revoke;
  const recipe = via === 'http' ? request : null;
  const endpoint = via === 'rfc7009' ? input.server.revocationEndpoint : (recipe?.url ?? null);
  if (endpoint === null) return forGood('unsupported');
  const hasMoved = originOf(input.server.tokenEndpoint) !== input.issuedOrigin;
  if (hasMoved || !isTrusted(endpoint, input)) return forGood('origin_changed');
  const isSecretless = recipe === null ? profile.tokenEndpointAuthMethod === 'none' : !needsSecret(recipe);
  let refused = forGood('no_client_secret');
  for (const secret of isSecretless ? [''] : input.clientSecrets) {
    const failure = await (recipe === null
      ? revokeByStandard(deps, input, secret)
      : send(deps, () => fillRecipe(profile, recipe, { token: input.token, secret }), hasError));
    if (failure === null) return forGood('revoked');
    refused = { outcome: describeFailure(failure), mayPass: mayPass(failure) };
    if (!isClientRefused(failure)) break;
  }
  return refused;
}

function forGood(outcome: string): RevokeTokenOutcome {
  return { outcome, mayPass: false };
}

async function revokeByStandard(
  deps: TokenRequestDeps,
  { provider: { profile }, server, token, hint }: RevokeCallInput,
  secret: string,
): Promise<ProviderCallFailure | null> {
  let outcome: ProviderCallFailure | null = null;
  try {
    const configuration = await createConfiguration(deps, { profile, server, secret });
    configuration[openid.customFetch] = async (url, init) => {
      outcome = await send(
        deps,
        () => shapeClientRequest(profile, { url, init }),
        () => false,
      );
      return new Response(null, { status: 200 });
    };
    await openid.tokenRevocation(configuration, token, { token_type_hint: hint });
    return outcome;
  } catch (error) {
    return toFailure(error);
  }
}

/** Null when the provider has taken the token back. */
async function send(
  deps: TokenRequestDeps,
  shape: () => ShapedRequest,
  isRefusal: (json: unknown) => boolean,
): Promise<ProviderCallFailure | null> {
  try {
    const { url, ...request } = shape();
    const response = await deps.guardedFetch.fetch(url, request);
    const answer = await recordAnswer(response);
    // Some providers answer 204 where RFC 7009 section 2.2 says 200.
    return response.ok && !isRefusal(answer.json) ? null : classifyAnswer(answer, deps.clock.now());
  } catch (error) {
    return toFailure(error);
  }
}

function toFailure(error: unknown): ProviderCallFailure {
  if (isProviderCallError(error)) return error.failure;
  const outgoing = findOutgoingError(error) ?? new OutgoingError('invalid_request', { wasSent: false, cause: error });
  return { ...createFailure('transient'), upstreamStatus: outgoing.status };
}

function describeFailure(failure: ProviderCallFailure): string {
  if (failure.upstreamError === 'unsupported_token_type') return 'unsupported';
  if (failure.upstreamError !== null) return failure.upstreamError;
  return failure.upstreamStatus === null ? 'unreachable' : `http_${failure.upstreamStatus}`;
}

function mayPass({ upstreamStatus }: ProviderCallFailure): boolean {
  return upstreamStatus === null || upstreamStatus === 429 || upstreamStatus >= 500;
}
