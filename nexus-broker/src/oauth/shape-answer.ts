/** Records a provider's answer and brings it into the form of RFC 6749 sections 5.1 and 5.2, by the provider's profile. */
import type { OauthCredential } from '../domain/credential.js';
import type { ProviderProfile } from '../domain/provider.js';
import { leastLifetimeSeconds } from '../domain/token-set.js';
import { matchesAnswer, readPath } from './answer-path.js';
import { hasError, type RecordedAnswer } from './provider-error.js';
import { findTokens, type TokenMember, tellsSecret } from './withheld-texts.js';

interface AnswerForm {
  readonly bodyFormat?: 'json' | 'form';
  readonly retryHeaders?: readonly string[];
}

/** An answer as it arrived. `retryHeaders` are looked at where there is no Retry-After. */
export async function recordAnswer(response: Response, form: AnswerForm = {}): Promise<RecordedAnswer> {
  const text = await response.text();
  const names = ['retry-after', ...(form.retryHeaders ?? [])];
  const retryAfter = names.map((name) => response.headers.get(name)).find((value) => value !== null) ?? null;
  return { status: response.status, retryAfter, json: parseBody(text, form.bodyFormat ?? 'json') };
}

/** A provider that answers in forms may still speak of its errors in JSON. */
function parseBody(text: string, format: 'json' | 'form'): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return format === 'form' && text.includes('=') ? Object.fromEntries(new URLSearchParams(text)) : undefined;
  }
}

interface StandardAnswer extends RecordedAnswer {
  /** Whether it is an answer of section 5.1, whatever its members are worth. */
  readonly isSuccess: boolean;
}

/** An answer with an access token and no error is a success whatever else it lacks: a renewed token is never thrown away. */
export function toStandardAnswer(
  answer: RecordedAnswer,
  profile: Pick<ProviderProfile, 'tokenAnswer' | 'tokenRequest'>,
  receivedMs: number,
): StandardAnswer {
  const { successWhen } = profile.tokenAnswer;
  const isTaken = answer.status > 200 && answer.status < 300 && profile.tokenRequest.acceptsAnySuccess;
  const status = isTaken ? 200 : answer.status;
  const json = toStandardBody(answer.json, profile, receivedMs);
  const isGranted = successWhen !== null && matchesAnswer(answer.json, successWhen);
  const isRefused = !isGranted && (hasError(json) || (successWhen !== null && !hasAccessToken(json)));
  return { ...answer, status, json, isSuccess: status === 200 && !isRefused };
}

function toStandardBody(
  json: unknown,
  { tokenAnswer }: Pick<ProviderProfile, 'tokenAnswer'>,
  receivedMs: number,
): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  const { paths, errorPath, scopeSeparator } = tokenAnswer;
  const found = findTokens(json);
  const readToken = (member: TokenMember, path: string) => {
    const value = readPath(json, path);
    const named = found.filter(({ text }) => text === value);
    // A refresh token is never given out as an access token: a path to a token of another kind leads nowhere.
    return named.length === 0 || named.some((token) => token.member === member) ? value : readPath(json, member);
  };
  const tokens = {
    access_token: readToken('access_token', paths.accessToken),
    refresh_token: readToken('refresh_token', paths.refreshToken),
    id_token: readToken('id_token', paths.idToken),
  };
  const secrets = [...found.map(({ text }) => text), ...Object.values(tokens)].filter(isText);
  const tell = (path: string) => {
    const value = readPath(json, path);
    return tellsSecret(value, secrets) ? undefined : value;
  };
  const scope = tell(paths.scope);
  return {
    ...json,
    ...tokens,
    expires_in: toLifetime(tell(paths.expires), tokenAnswer, receivedMs),
    scope: scopeSeparator !== null && typeof scope === 'string' ? scope.split(scopeSeparator) : scope,
    token_type: readPath(json, paths.tokenType),
    ...(errorPath === null ? {} : { error: readError(json, tell(errorPath)) }),
  };
}

function hasAccessToken(json: unknown): boolean {
  return isText(readPath(json, 'access_token'));
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Zero is how providers with numbers for codes say that there is no error. */
function readError(json: object, told: unknown): unknown {
  const code = told ?? readPath(json, 'error');
  if (code === 0 || code === '0') return null;
  return typeof code === 'number' ? String(code) : code;
}

/** Seconds from now, where what the provider wrote is as its profile says. */
function toLifetime(
  value: unknown,
  { expiryUnit, expiryBase }: ProviderProfile['tokenAnswer'],
  receivedMs: number,
): unknown {
  if (expiryUnit === 'seconds' && expiryBase === 'relative') return value;
  if (expiryUnit === 'iso') return typeof value === 'string' ? secondsUntil(parseDate(value), receivedMs) : undefined;
  const isNumeric = typeof value === 'number' || (typeof value === 'string' && /^\s*\d+(?:\.\d+)?\s*$/.test(value));
  if (!isNumeric) return undefined;
  const ms = Number(value) * (expiryUnit === 'seconds' ? 1_000 : 1);
  return expiryBase === 'absolute' ? secondsUntil(ms, receivedMs) : ms / 1_000;
}

/** That a moment is past may be the fault of either clock, and costs no token. */
function secondsUntil(atMs: number, nowMs: number): number {
  return atMs <= nowMs ? leastLifetimeSeconds : (atMs - nowMs) / 1_000;
}

/** A date without a zone is in UTC: nobody knows where its writer is. */
function parseDate(text: string): number {
  return Date.parse(
    /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/.test(text) ? `${text.replace(' ', 'T')}Z` : text,
  );
}

/** What the next refresh will present; null where the provider knows no refresh. */
export function pickRefreshToken(
  { refresh }: Pick<ProviderProfile, 'refresh'>,
  { accessToken, refreshToken }: Pick<OauthCredential, 'accessToken' | 'refreshToken'>,
): string | null {
  if (!refresh.isSupported) return null;
  return refresh.sends === 'access_token' ? accessToken : refreshToken;
}
