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
import type { GuardedFetch } from './guarded-fetch.js';
import { findOutgoingError } from './outgoing-error.js';
import {
  classifyAnswer,
  classifyOutgoing,
  createFailure,
  hasError,
  isClientRefused,
  ProviderCallError,
  type ProviderCallStage,
  type RecordedAnswer,
  readErrorCode,
} from './provider-error.js';

export interface TokenRequestDeps {
  readonly guardedFetch: GuardedFetch;
  readonly clock: Clock;
}

interface TokenRequestInput<T> {
  readonly profile: ProviderProfile;
  readonly server: AuthorizationServer;
  readonly clientSecrets: readonly string[];
  readonly stage: ProviderCallStage;
  readonly impliedScope: string;
  /** What becomes of an ID token in the answer; `defer` hands it out unverified, for the caller to verify. */
  readonly idToken: 'verify' | 'defer' | 'drop';
  readonly signal?: AbortSignal | undefined;
  /** Makes the one request with the configuration given; may be called again with a recorded answer. */
  readonly run: (configuration: openid.Configuration) => Promise<T>;
}

interface TokenRequestResult<T> {
  readonly tokenSet: OauthCredential;
  readonly result: T;
}

/** Throws ProviderCallError. Tries the client secrets in order while the provider refuses the client. */
export async function requestToken<T>(
  deps: TokenRequestDeps,
  input: TokenRequestInput<T>,
): Promise<TokenRequestResult<T>> {
  const secrets = input.profile.tokenEndpointAuthMethod === 'none' ? [''] : input.clientSecrets;
  let refusal = createMissingSecretError(input.stage);
  for (const secret of secrets) {
    try {
      return await requestOnce(deps, input, secret);
    } catch (error) {
      if (!(error instanceof ProviderCallError) || error.stage !== input.stage || !isClientRefused(error.failure)) {
        throw error;
      }
      refusal = error;
    }
  }
  throw refusal;
}

interface Recording {
  tokenSet: OauthCredential | null;
  failure: ProviderCallError | null;
}

async function requestOnce<T>(
  deps: TokenRequestDeps,
  input: TokenRequestInput<T>,
  secret: string,
): Promise<TokenRequestResult<T>> {
  const recording: Recording = { tokenSet: null, failure: null };
  const knownKeys = input.server.jwksCache.current;
  const attempt = async (jwksCache: openid.ExportedJWKSCache | null): Promise<TokenRequestResult<T>> => {
    const configuration = createConfiguration(deps, { ...input, secret });
    configuration[openid.customFetch] = (url, init) =>
      init.method === 'POST'
        ? answerTokenRequest(deps, input, { url, init, recording })
        : deps.guardedFetch.fetch(url, { method: init.method, headers: { accept: 'application/json' } });
    if (jwksCache !== null) openid.setJwksCache(configuration, jwksCache);
    const result = await input.run(configuration);
    input.server.jwksCache.current = openid.getJwksCache(configuration) ?? input.server.jwksCache.current;
    if (recording.tokenSet === null) throw new TypeError('the token endpoint was not called');
    return { tokenSet: recording.tokenSet, result };
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
  if (recording.tokenSet === null) {
    try {
      recording.tokenSet = await fetchTokenSet(deps, input, { url, init });
    } catch (error) {
      recording.failure = error instanceof ProviderCallError ? error : toCallError(error, input.stage);
      throw recording.failure;
    }
  }
  const { accessToken, idToken } = recording.tokenSet;
  // What openid-client still has to judge is the ID token; the rest has been normalised.
  return Response.json({
    access_token: accessToken,
    token_type: 'bearer',
    ...(input.idToken === 'verify' && idToken !== null ? { id_token: idToken } : {}),
  });
}

async function fetchTokenSet<T>(
  deps: TokenRequestDeps,
  input: TokenRequestInput<T>,
  { url, init }: Pick<TokenFetch, 'url' | 'init'>,
): Promise<OauthCredential> {
  const response = await deps.guardedFetch.fetch(url, {
    method: init.method,
    headers: withoutUserAgent(init.headers),
    body: init.body instanceof URLSearchParams ? init.body : null,
    signal: input.signal,
  });
  const answer = await recordAnswer(response);
  const receivedMs = deps.clock.now();
  const failure = classifyAnswer(answer, receivedMs, input.profile.errors);
  if (answer.status !== 200 || hasError(answer.json)) throw new ProviderCallError(input.stage, { failure });
  try {
    const tokenSet = readTokenAnswer(answer.json, { impliedScope: input.impliedScope, receivedMs });
    return input.idToken === 'drop' ? { ...tokenSet, idToken: null } : tokenSet;
  } catch (cause) {
    throw new ProviderCallError(input.stage, { failure, cause });
  }
}

export async function recordAnswer(response: Response): Promise<RecordedAnswer> {
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, retryAfter: response.headers.get('retry-after'), json };
}

/** The guard names us; a library's own name and version are nobody's business. */
export function withoutUserAgent(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'user-agent'));
}

interface ConfigurationInput {
  readonly profile: ProviderProfile;
  readonly server: AuthorizationServer;
  readonly secret: string;
}

/** A configuration lives for one call, so no client secret outlives it; metadata and keys are cached beside it. */
export function createConfiguration(
  deps: Pick<TokenRequestDeps, 'guardedFetch'>,
  { profile, server, secret }: ConfigurationInput,
): openid.Configuration {
  const configuration = new openid.Configuration(
    server.metadata,
    profile.clientId ?? '',
    undefined,
    createClientAuthentication(profile, secret),
  );
  // The guard has its own deadline.
  configuration.timeout = 0;
  if (deps.guardedFetch.allowsPlainHttp) openid.allowInsecureRequests(configuration);
  // By default openid-client trusts TLS for an ID token it fetched itself (OpenID Connect Core 3.1.3.7 item 6).
  openid.enableNonRepudiationChecks(configuration);
  return configuration;
}

function createClientAuthentication(profile: ProviderProfile, secret: string): openid.ClientAuth {
  if (profile.tokenEndpointAuthMethod === 'none') return openid.None();
  return profile.tokenEndpointAuthMethod === 'client_secret_basic'
    ? openid.ClientSecretBasic(secret)
    : openid.ClientSecretPost(secret);
}

function readCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Whatever is neither a refusal by the person nor an outgoing failure is a check that did not hold. */
function toCallError(error: unknown, stage: ProviderCallStage): ProviderCallError {
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
