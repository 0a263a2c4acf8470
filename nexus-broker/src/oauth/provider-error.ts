/**
 * What a provider's failure means, for every caller alike. `final` is reached only by an explicit word of the
 * provider, because it ends a working connection; everything unclear is `transient`.
 */
import type { OauthCredential } from '../domain/credential.js';
import type { PlaceValues } from '../domain/placeholders.js';
import type { ErrorClass } from '../domain/provider.js';
import type { OutgoingError } from './outgoing-error.js';

/**
 * final: the grant is dead · configuration: our client or profile is wrong, connections are not to blame ·
 * throttled: called too often · transient: try again later · in_doubt: the provider may have acted on the request ·
 * origin_changed: the token endpoint is no longer at the origin that issued the token, so nothing was sent
 */
type ProviderCallFailureClass = 'final' | 'transient' | 'configuration' | 'throttled' | 'in_doubt' | 'origin_changed';

export interface ProviderCallFailure {
  readonly class: ProviderCallFailureClass;
  /** The provider's own error code, only where it is a harmless word. */
  readonly upstreamError: string | null;
  readonly upstreamStatus: number | null;
  readonly retryAfterSeconds: number | null;
}

/** Where in the protocol it failed; `authorization` is the answer the browser brought, `verification` any of its checks. */
export type ProviderCallStage = 'discovery' | 'authorization' | 'exchange' | 'refresh' | 'verification';

/** A credential that was issued before something else about its connection failed. */
interface ObtainedCredential {
  readonly tokenSet: OauthCredential;
  readonly issuedOrigin: string;
  /** What the provider had told by then. */
  readonly accountData: PlaceValues;
}

interface ProviderCallErrorOptions {
  readonly failure: ProviderCallFailure;
  readonly cause?: unknown;
  readonly obtained?: ObtainedCredential | undefined;
}

/** What is known of a failure that no answer describes. */
export function createFailure(
  failureClass: ProviderCallFailureClass,
  upstreamError: string | null = null,
): ProviderCallFailure {
  return { class: failureClass, upstreamError, upstreamStatus: null, retryAfterSeconds: null };
}

/** A call to a provider that did not succeed. The message is fixed text of ours; the cause stays in the process. */
export class ProviderCallError extends Error {
  override readonly name = 'ProviderCallError';
  readonly stage: ProviderCallStage;
  readonly failure: ProviderCallFailure;
  /** What the provider issued all the same, so that it can be taken back. */
  readonly obtained: ObtainedCredential | null;

  constructor(stage: ProviderCallStage, options: ProviderCallErrorOptions) {
    super(`the provider call failed (${stage}, ${options.failure.class})`, { cause: options.cause });
    this.stage = stage;
    this.failure = options.failure;
    this.obtained = options.obtained ?? null;
  }
}

export function isProviderCallError(error: unknown): error is ProviderCallError {
  return error instanceof ProviderCallError;
}

/** An answer as it arrived: status, headers and text, and the text as JSON where it is JSON. */
export interface RecordedAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** Undefined when the body is not JSON. */
  readonly json: unknown;
}

const maxRetryAfterSeconds = 900;

/** RFC 6749 section 5.2, and the word GitHub uses for it with HTTP 200. */
const finalErrors = new Set(['invalid_grant', 'bad_refresh_token']);

const clientErrors = new Set(['invalid_client', 'incorrect_client_credentials']);
const configurationErrors = new Set([...clientErrors, 'unauthorized_client', 'unsupported_grant_type']);

/** What a provider's own codes mean. */
export type ErrorMap = { readonly [code: string]: ErrorClass };

/** A code of `errors` decides before the words of the standard do. */
export function classifyAnswer(answer: RecordedAnswer, nowMs: number, errors: ErrorMap = {}): ProviderCallFailure {
  const known = findKnownCode(answer.json, errors);
  const upstreamError = known ?? readErrorCode(answer.json);
  return {
    class: chooseClass(answer.status, upstreamError, known === null ? null : (errors[known] ?? null)),
    upstreamError,
    upstreamStatus: answer.status,
    retryAfterSeconds: readRetryAfter(answer.retryAfter, nowMs),
  };
}

export function classifyOutgoing(error: OutgoingError): ProviderCallFailure {
  return { ...createFailure(chooseOutgoingClass(error)), upstreamStatus: error.status };
}

/** Whether another client secret may be worth trying: the provider did not accept this one. */
export function isClientRefused(failure: ProviderCallFailure): boolean {
  if (failure.upstreamError === null) return failure.upstreamStatus === 401;
  return clientErrors.has(failure.upstreamError);
}

/**
 * The error code of a body in the form of RFC 6749 section 5.2, where it is made of words. It is recorded, and a provider
 * could hide a token in anything freer.
 */
export function readErrorCode(json: unknown): string | null {
  if (typeof json !== 'object' || json === null || Array.isArray(json) || !('error' in json)) return null;
  const { error } = json;
  return typeof error === 'string' && /^[A-Za-z]{1,24}([_.-][A-Za-z]{1,24}){0,6}$/.test(error) ? error : null;
}

/** Whether a body announces an error, readable or not: such a body is never a success (GitHub sends it with 200). */
export function hasError(json: unknown): boolean {
  if (typeof json !== 'object' || json === null || Array.isArray(json) || !('error' in json)) return false;
  return json.error !== undefined && json.error !== null && json.error !== '' && json.error !== false;
}

/** More seconds than this are meant since the epoch, and more than that are milliseconds: nobody is told to wait for decades. */
const firstEpochSeconds = 1_000_000_000;
const firstEpochMs = 1_000_000_000_000;

/** Seconds, an HTTP date (RFC 9110 section 10.2.3) or a time since the epoch; never more than fifteen minutes. */
function readRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  const untilMs = /^\d+(?:\.\d+)?$/.test(text) ? toMoment(Number(text), nowMs) : Date.parse(text);
  const seconds = Math.ceil((untilMs - nowMs) / 1_000);
  if (Number.isNaN(seconds) || seconds < 0) return null;
  return Math.min(seconds, maxRetryAfterSeconds);
}

function toMoment(number: number, nowMs: number): number {
  if (number > firstEpochMs) return number;
  return number > firstEpochSeconds ? number * 1_000 : nowMs + number * 1_000;
}

/** The first code of the body that the provider's profile explains, wherever its answers have their codes. */
function findKnownCode(json: unknown, errors: ErrorMap): string | null {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  const fields = json as Readonly<Record<string, unknown>>;
  for (const value of [fields['error'], fields['error_code'], fields['code']]) {
    const code = typeof value === 'number' ? String(value) : value;
    if (typeof code === 'string' && Object.hasOwn(errors, code)) return code;
  }
  return null;
}

function chooseClass(status: number, upstreamError: string | null, known: ErrorClass | null): ProviderCallFailureClass {
  if (status === 429) return 'throttled';
  // A server that fails, redirects or answers 201 is not speaking for the grant, whatever its body says.
  const canSpeak = status === 200 || (status >= 400 && status < 500);
  if (!canSpeak || upstreamError === null) return 'transient';
  if (known !== null) return known;
  if (finalErrors.has(upstreamError)) return 'final';
  return configurationErrors.has(upstreamError) ? 'configuration' : 'transient';
}

function chooseOutgoingClass(error: OutgoingError): ProviderCallFailureClass {
  if (!error.wasSent) {
    return error.reason === 'unsafe_url' || error.reason === 'invalid_request' ? 'configuration' : 'transient';
  }
  if (error.status === 429) return 'throttled';
  // The head of an answer already says that nothing was granted; only its body is missing.
  return error.status !== null && error.status >= 300 ? 'transient' : 'in_doubt';
}
