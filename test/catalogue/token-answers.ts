/** Token answers made from the fixtures of a template: as they stand there, with values of their own and times that are now. */
import { type Fixture, type Profile, readAt, readBody, type TemplateUnderTest, writeAt } from './templates.js';

export interface IssuedTokens {
  readonly accessToken: string;
  /** What the next refresh has to present; null where there is none. */
  readonly refreshToken: string | null;
  /** Of the access token, in seconds; null where it does not expire. */
  readonly lifetime: number | null;
  readonly idToken: string | null;
  readonly answer: Fixture;
}

interface IssueInput {
  readonly fixture: Fixture;
  readonly nowMs: number;
  /** What the grant's refresh token was; null for a new grant. */
  readonly earlier: string | null;
  readonly idToken: string | null;
}

/** Issues tokens as the fixture says, and tells what they are worth by the words of the template format. */
export function issueTokens(
  { profile, tests }: Pick<TemplateUnderTest, 'profile' | 'tests'>,
  unique: (kind: string) => string,
  { fixture, nowMs, earlier, idToken }: IssueInput,
): IssuedTokens {
  const answer = profile.token_answer ?? {};
  const paths = answer.paths ?? {};
  const accessPath = paths.access_token ?? 'access_token';
  const refreshPath = paths.refresh_token ?? 'refresh_token';
  const accessToken = unique('access');
  let body = writeAt(readBody(fixture, profile), accessPath, accessToken);
  let refreshToken = earlier;
  if (typeof readAt(body, refreshPath) === 'string') {
    const isKept = earlier !== null && profile.refresh?.rotation === 'never';
    refreshToken = isKept ? earlier : unique('refresh');
    body = writeAt(body, refreshPath, refreshToken);
  }
  if (profile.refresh?.sends === 'access_token') refreshToken = accessToken;
  if (profile.refresh?.supported === false) refreshToken = null;
  const idTokenPath = paths.id_token ?? 'id_token';
  if (idToken !== null) body = writeAt({ [idTokenPath]: '', ...(body as object) }, idTokenPath, idToken);
  const timed = moveExpiry(body, { profile, tests }, nowMs);
  return {
    accessToken,
    refreshToken,
    lifetime: timed.lifetime,
    idToken,
    answer: { status: fixture.status, body: writeBody(timed.body, fixture) as Fixture['body'] },
  };
}

/** Points in time of a fixture are long past: they become as far from now as the fixture expects. */
function moveExpiry(
  body: unknown,
  { profile, tests }: Pick<TemplateUnderTest, 'profile' | 'tests'>,
  nowMs: number,
): { readonly body: unknown; readonly lifetime: number | null } {
  const { paths, expiry_unit: unit = 'seconds', expiry_base: base = 'relative' } = profile.token_answer ?? {};
  const path = paths?.expires ?? 'expires_in';
  const given = readAt(body, path);
  if (given === undefined || given === null) return { body, lifetime: lifetimeWithoutExpiry({ profile, tests }) };
  const perSecond = unit === 'milliseconds' ? 1_000 : 1;
  if (unit !== 'iso' && base === 'relative') return { body, lifetime: Number(given) / perSecond };
  const lifetime = tests.expect?.lifetime ?? 3_600;
  const untilMs = nowMs + lifetime * 1_000;
  if (unit === 'iso') return { body: writeAt(body, path, writeDate(String(given), untilMs)), lifetime };
  const until = Math.floor((untilMs / 1_000) * perSecond);
  return { body: writeAt(body, path, typeof given === 'string' ? String(until) : until), lifetime };
}

/** In the form in which the fixture has its own. */
function writeDate(form: string, atMs: number): string {
  const text = new Date(atMs).toISOString();
  const short = form.includes('.') ? text : text.replace(/\.\d+Z$/, 'Z');
  return /Z$/.test(form) ? short : /[+-]\d\d:\d\d$/.test(form) ? short.replace('Z', '+00:00') : short.replace('Z', '');
}

export function lifetimeWithoutExpiry({ profile, tests }: Pick<TemplateUnderTest, 'profile' | 'tests'>): number | null {
  const { when_expiry_missing: rule = 'never', default_lifetime: assumed } = profile.token_answer ?? {};
  if (rule === 'never') return null;
  const told = rule === 'introspect' ? readIntrospected(tests) : null;
  return told ?? assumed ?? 3_600;
}

/** How long after its `iat` the token of the fixture ends. */
export function readIntrospected(tests: TemplateUnderTest['tests']): number | null {
  const exp = readAt(tests.introspection, 'exp');
  const iat = readAt(tests.introspection, 'iat');
  return typeof exp === 'number' && typeof iat === 'number' ? exp - iat : null;
}

function writeBody(body: unknown, fixture: Fixture): unknown {
  const isText = typeof fixture.body === 'string' && typeof body === 'object';
  return isText ? new URLSearchParams(body as Record<string, string>).toString() : body;
}

export function contentTypeOf(profile: Profile, body: unknown): string {
  if (typeof body !== 'string') return 'application/json';
  return profile.token_answer?.body_format === 'form' ? 'application/x-www-form-urlencoded' : 'text/plain';
}
