/**
 * Calls a token endpoint through openid-client. Its strictness would hide what a provider really answered, so each
 * answer is recorded and judged here first, and openid-client is shown a body in the exact form of RFC 6749; no quirk
 * of a provider is handled anywhere else.
 */
import type { Clock } from '@nexus/core/clock';
import * as openid from 'openid-client';
import type { OauthCredential } from '../domain/credential.js';
import type { ProviderProfile } from '../domain/provider.js';
import { readTokenAnswer } from '../domain/token-set.js';
import type { AuthorizationServer } from './authorization-server.js';
import { createClientAuthentication } from './client-authentication.js';
import type { GuardedFetch } from './guarded-fetch.js';
import { findOutgoingError } from './outgoing-error.js';
import {
  classifyAnswer,
  classifyOutgoing,
  createFailure,
  isClientRefused,
  ProviderCallError,
  type ProviderCallStage,
  readErrorCode,
} from './provider-error.js';
import { recordAnswer, toStandardAnswer } from './shape-answer.js';
import { type ShapedRequest, shapeTokenRequest, type TokenCall } from './shape-request.js';

export interface TokenRequestDeps {
  readonly guardedFetch: GuardedFetch;
  readonly clock: Clock;
}

interface TokenRequestInput<T> {
  readonly profile: ProviderProfile;
  readonly server: AuthorizationServer;
  readonly clientSecrets: readonly string[];
  readonly stage: ProviderCallStage;
  /** Which of the profile's words about requests are meant. */
  readonly call: TokenCall;
  readonly impliedScope: string;
  /** What becomes of an ID token in the answer; `defer` hands it out unverified, for the caller to verify. */
  readonly idToken: 'verify' | 'defer' | 'drop';
  readonly signal?: AbortSignal | undefined;
  /** Makes the one request with the configuration given; may be called again with a recorded answer. */
  readonly run: (configuration: openid.Configuration) => Promise<T>;
}

/** What a token endpoint answered. */
export interface TokenAnswer {
  readonly tokenSet: OauthCredential;
  /** The body as it came, for what only the profile knows of. */
  readonly body: unknown;
}

interface TokenRequestResult<T> extends TokenAnswer {
  readonly result: T;
}

/** Throws ProviderCallError. Tries the client secrets in order while the provider refuses the client. */
export async function requestToken<T>(
  deps: TokenRequestDeps,
  input: TokenRequestInput<T>,
): Promise<TokenRequestResult<T>> {
  const secrets = input.profile.tokenEndpointAuthMethod === 'none' ? [''] : input.clientSecrets;
  return trySecrets(secrets, input.stage, (secret) => requestOnce(deps, input, secret));
}

/** The first call whose client is not refused. Throws ProviderCallError, also where there is no secret to try. */
export async function trySecrets<T>(
  secrets: readonly string[],
  stage: ProviderCallStage,
  call: (secret: string) => Promise<T>,
): Promise<T> {
  let refusal = createMissingSecretError(stage);
  for (const secret of secrets) {
    try {
      return await call(secret);
    } catch (error) {
      if (!(error instanceof ProviderCallError) || error.stage !== stage || !isClientRefused(error.failure)) {
        throw error;
      }
      refusal = error;
    }
  }
  throw refusal;
}

interface Recording {
  answer: TokenAnswer | null;
  failure: ProviderCallError | null;
}

async function requestOnce<T>(
  deps: TokenRequestDeps,
  input: TokenRequestInput<T>,
  secret: string,
): Promise<TokenRequestResult<T>> {
  const recording: Recording = { answer: null, failure: null };
  const knownKeys = input.server.jwksCache.current;
  const attempt = async (jwksCache: openid.ExportedJWKSCache | null): Promise<TokenRequestResult<T>> => {
    const configuration = await createConfiguration(deps, { ...input, secret });
    configuration[openid.customFetch] = (url, init) =>
      init.method === 'POST'
        ? answerTokenRequest(deps, input, { url, init, recording })
        : deps.guardedFetch.fetch(url, { method: init.method, headers: { accept: 'application/json' } });
    if (jwksCache !== null) openid.setJwksCache(configuration, jwksCache);
    const result = await input.run(configuration);
    input.server.jwksCache.current = openid.getJwksCache(configuration) ?? input.server.jwksCache.current;
    if (recording.answer === null) throw new TypeError('the token endpoint was not called');
    return { ...recording.answer, result };
  };
  try {
    return await attempt(knownKeys).catch((error: unknown) => {
      // openid-client does not fetch a key set again within a minute; a rotation in that minute is worth one look.
      if (knownKeys === null || readCode(error) !== 'OAUTH_KEY_SELECTION_FAILED') throw error;
      return attempt(null);
    });
  } catch (error) {
    throw recording.failure ?? toCallError(error, 'verification');
  }
}

interface TokenFetch {
  readonly url: string;
  readonly init: openid.CustomFetchOptions;
  readonly recording: Recording;
}

async function answerTokenRequest<T>(
  deps: TokenRequestDeps,
  input: TokenRequestInput<T>,
  { url, init, recording }: TokenFetch,
): Promise<Response> {
  if (recording.answer === null) {
    try {
      const request = shapeTokenRequest(input.profile, input.call, { url, init });
      recording.answer = await fetchTokenAnswer(deps, input, request);
    } catch (error) {
      recording.failure = error instanceof ProviderCallError ? error : toCallError(error, input.stage);
      throw recording.failure;
    }
  }
  const { accessToken, idToken } = recording.answer.tokenSet;
  // What openid-client still has to judge is the ID token; the rest has been normalised.
  return Response.json({
    access_token: accessToken,
    token_type: 'bearer',
    ...(input.idToken === 'verify' && idToken !== null ? { id_token: idToken } : {}),
  });
}

type AnswerExpectation = Pick<
  TokenRequestInput<unknown>,
  'profile' | 'stage' | 'call' | 'impliedScope' | 'idToken' | 'signal'
>;

/** Sends a request that is answered by tokens, whatever endpoint it is for. Throws ProviderCallError or OutgoingError. */
export async function fetchTokenAnswer(
  deps: TokenRequestDeps,
  { profile, stage, call, impliedScope, idToken, signal }: AnswerExpectation,
  { url, ...request }: ShapedRequest,
): Promise<TokenAnswer> {
  const { retryHeaders, tokenAnswer } = profile;
  const response = await deps.guardedFetch.fetch(url, { ...request, signal, keepHeaders: retryHeaders });
  const recorded = await recordAnswer(response, { bodyFormat: tokenAnswer.bodyFormat, retryHeaders });
  const receivedMs = deps.clock.now();
  const answer = toStandardAnswer(recorded, profile, receivedMs);
  const failure = classifyAnswer(answer, receivedMs, profile.errors);
  if (!answer.isSuccess) throw new ProviderCallError(stage, { failure });
  try {
    const read = readTokenAnswer(answer.json, {
      impliedScope,
      receivedMs,
      tokenType: tokenAnswer.tokenType,
      // A narrower token whose scopes cannot be told would be no narrower one.
      isRefresh: call === 'refresh',
    });
    return { tokenSet: idToken === 'drop' ? { ...read, idToken: null } : read, body: recorded.json };
  } catch (cause) {
    throw new ProviderCallError(stage, { failure, cause });
  }
}

interface ConfigurationInput {
  readonly profile: ProviderProfile;
  readonly server: AuthorizationServer;
  readonly secret: string;
}

/** A configuration lives for one call, so no client secret outlives it; metadata and keys are cached beside it. */
export async function createConfiguration(
  deps: Pick<TokenRequestDeps, 'guardedFetch'>,
  { profile, server, secret }: ConfigurationInput,
): Promise<openid.Configuration> {
  const configuration = new openid.Configuration(
    server.metadata,
    profile.clientId ?? '',
    undefined,
    await createClientAuthentication(profile, server, secret),
  );
  // The guard has its own deadline.
  configuration.timeout = 0;
  if (deps.guardedFetch.allowsPlainHttp) openid.allowInsecureRequests(configuration);
  // By default openid-client trusts TLS for an ID token it fetched itself (OpenID Connect Core 3.1.3.7 item 6).
  openid.enableNonRepudiationChecks(configuration);
  return configuration;
}

function readCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Whatever is neither a refusal by the person nor an outgoing failure is a check that did not hold. */
export function toCallError(error: unknown, stage: ProviderCallStage): ProviderCallError {
  if (error instanceof ProviderCallError) return error;
  const outgoing = findOutgoingError(error);
  if (outgoing !== null) return new ProviderCallError(stage, { failure: classifyOutgoing(outgoing), cause: error });
  if (error instanceof openid.AuthorizationResponseError) {
    const upstreamError = readErrorCode({ error: error.error });
    return new ProviderCallError('authorization', { failure: createFailure('final', upstreamError), cause: error });
  }
  const failure = createFailure(stage === 'verification' ? 'final' : 'transient');
  return new ProviderCallError(stage, { failure, cause: error });
}

function createMissingSecretError(stage: ProviderCallStage): ProviderCallError {
  const cause = new Error('the provider has no client secret');
  return new ProviderCallError(stage, { failure: createFailure('configuration'), cause });
}
