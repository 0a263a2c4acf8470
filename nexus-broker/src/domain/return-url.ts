import { NexusError } from '@nexus/core/errors';
import type { CompletionMode } from './authorization-flow.js';
import { findDisplayProblem } from './display-text.js';
import { throwIfAny } from './field-reader.js';
import type { ReturnOrigin } from './return-origin.js';
import { type Environment, findOriginProblem, isLoopbackHost, isUriText, maxUrlLength } from './web-url.js';

/** The query names Nexus appends; a return URL may not hold them already. */
export const returnParameters = ['status', 'connection_ref', 'provider', 'error', 'handle'] as const;
export type ReturnParameter = (typeof returnParameters)[number];

export interface ReturnUrlCheck {
  readonly returnUrl: string;
  readonly origins: readonly CheckedReturnOrigin[];
  readonly environment: Environment;
}

export interface AllowedReturn {
  readonly url: string;
  readonly appName: string;
  readonly completion: CompletionMode;
}

export interface ReturnOriginInput {
  readonly origin: string;
  readonly appName: string;
  readonly completion: CompletionMode | null;
  readonly pathPrefix: string | null;
}

export type CheckedReturnOrigin = Pick<ReturnOrigin, 'origin' | 'appName' | 'completion' | 'pathPrefix'>;

/** Where a person may be sent back to, and the application that is. The most specific registered origin decides. */
export function checkReturnUrl({ returnUrl, origins, environment }: ReturnUrlCheck): AllowedReturn {
  const url = parseReturnUrl(returnUrl, environment);
  const match = origins
    .filter((entry) => entry.origin === url.origin && isUnderPrefix(url.pathname, entry.pathPrefix))
    .sort((a, b) => (b.pathPrefix ?? '').length - (a.pathPrefix ?? '').length)[0];
  if (match !== undefined) return { url: url.href, appName: match.appName, completion: match.completion };
  if (environment === 'development' && isLoopbackHost(url.hostname)) {
    return { url: url.href, appName: url.host, completion: 'confirm' };
  }
  throw refuse('The return URL is under no registered return origin.');
}

/** Adds the outcome to a URL that `checkReturnUrl` allowed; what its query held before stays as it was. */
export function appendToReturnUrl(url: string, params: { readonly [K in ReturnParameter]?: string }): string {
  const added = returnParameters.flatMap((name) => {
    const value = params[name];
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`];
  });
  if (added.length === 0) return url;
  const query = url.indexOf('?');
  const separator = query === -1 ? '?' : query === url.length - 1 || url.endsWith('&') ? '' : '&';
  return `${url}${separator}${added.join('&')}`;
}

/** An admin's return origin, checked. Throws `invalid_request` with details under the names of the wire. */
export function parseReturnOrigin(input: ReturnOriginInput, environment: Environment): CheckedReturnOrigin {
  const problems: [string, string | null][] = [
    ['origin', findReturnOriginProblem(input.origin, environment)],
    ['app_name', findDisplayProblem(input.appName, 80)],
    ['completion', findCompletionProblem(input, environment)],
    ['path_prefix', input.pathPrefix === null ? null : findPrefixProblem(input.pathPrefix)],
  ];
  if (input.completion === 'bound' && input.pathPrefix === null) {
    problems.push(['path_prefix', 'is required for a bound return origin']);
  }
  const details = problems.flatMap(([path, message]) => (message === null ? [] : [{ path, message }]));
  throwIfAny('The return origin is not valid', details);
  return {
    origin: input.origin,
    appName: input.appName.normalize('NFC'),
    completion: input.completion ?? 'confirm',
    pathPrefix: trimPrefix(input.pathPrefix),
  };
}

function parseReturnUrl(text: string, environment: Environment): URL {
  if (text.length > maxUrlLength) throw refuse(`The return URL must be at most ${maxUrlLength} characters.`);
  if (!isUriText(text) || !URL.canParse(text)) throw refuse('The return URL must be an absolute URL.');
  if (text.includes('#')) throw refuse('The return URL must not have a fragment.');
  const url = new URL(text);
  // What a browser reads must be what was written: anything the parser corrected is refused, whatever the trick.
  const written = url.pathname === '/' && url.href === `${text}/` ? `${text}/` : text;
  const isNormal = url.href === written || (url.search !== '' && url.href === insertSlash(text));
  if (!isNormal) throw refuse('The return URL must be written in its normal form.');
  if (url.username !== '' || url.password !== '') throw refuse('The return URL must not hold user information.');
  const isPlain = url.protocol === 'http:' && environment === 'development' && isLoopbackHost(url.hostname);
  if (url.protocol !== 'https:' && !isPlain) throw refuse('The return URL must use https.');
  if (environment === 'production' && isLocal(url.hostname)) throw refuse('The return URL must not be on loopback.');
  if (hasEncodingTricks(`${url.pathname}${url.search}`) || hasPathTricks(url.pathname)) {
    throw refuse('The return URL must not hide separators, dots or control characters behind an encoding.');
  }
  const preset = listQueryNames(url.search).find((name) => returnParameters.some((ours) => ours === name));
  if (preset !== undefined) throw refuse(`The return URL must not set ${preset}; Nexus appends it.`);
  return url;
}

/** `https://app.example?a=1` is normal but for the slash that every path begins with. */
function insertSlash(text: string): string {
  return text.replace(/^([a-z]+:\/\/[^/?]+)\?/, '$1/?');
}

function isLocal(hostname: string): boolean {
  return isLoopbackHost(hostname) || /(?:^|\.)localhost\.?$/.test(hostname);
}

function isUnderPrefix(path: string, prefix: string | null): boolean {
  const base = trimPrefix(prefix);
  return base === null || base === '/' || path === base || path.startsWith(`${base}/`);
}

function trimPrefix(prefix: string | null): string | null {
  return prefix !== null && prefix.length > 1 && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

function findReturnOriginProblem(text: string, environment: Environment): string | null {
  const problem = findOriginProblem(text, environment);
  if (problem !== null) return problem;
  const isRefused = environment === 'production' && isLocal(new URL(text).hostname);
  return isRefused ? 'must not be on loopback' : null;
}

function findCompletionProblem(input: ReturnOriginInput, environment: Environment): string | null {
  if (input.completion === 'bound' || input.completion === 'confirm') return null;
  const isLoopback = URL.canParse(input.origin) && isLoopbackHost(new URL(input.origin).hostname);
  const hasDefault = input.completion === null && environment === 'development' && isLoopback;
  return hasDefault ? null : 'is required: bound or confirm';
}

function findPrefixProblem(prefix: string): string | null {
  if (prefix.length > 512) return 'must be at most 512 characters';
  if (!prefix.startsWith('/') || !isUriText(prefix) || /[?#]/.test(prefix)) return 'must be a path that begins with /';
  const isNormal = !hasEncodingTricks(prefix) && !hasPathTricks(prefix) && readPath(prefix) === prefix;
  return isNormal ? null : 'must be a path in its normal form';
}

function readPath(path: string): string | null {
  const text = `https://return.invalid${path}`;
  return URL.canParse(text) ? new URL(text).pathname : null;
}

/** Broken percent signs, and control characters at any depth of encoding. */
function hasEncodingTricks(text: string): boolean {
  return /%(?![0-9a-f]{2})/i.test(text) || /%(?:25)*(?:[01][0-9a-f]|7f)/i.test(text) || decodePercent(text) === null;
}

/** Empty segments, and dots or separators that appear only when somebody decodes the path, once or more often. */
function hasPathTricks(path: string): boolean {
  if (path.includes('//') || /%(?:25)*(?:2e|2f|5c)/i.test(path)) return true;
  const decoded = decodePercent(path)?.normalize('NFKC') ?? '';
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/u.test(decoded)) return true;
  if (decoded.split('/').length !== path.split('/').length) return true;
  // Some servers cut a segment at `;` before they resolve the dots.
  return decoded.split('/').some((segment) => /^\.{1,2}(?:;|$)/.test(segment));
}

function decodePercent(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** The names a query sets, as loosely as any application framework may read them. */
function listQueryNames(search: string): string[] {
  return search
    .slice(1)
    .split(/[&;]/)
    .map((pair) => (pair.split('=', 1)[0] ?? '').replaceAll('+', ' '))
    .map((name) => (decodePercent(name) ?? name).normalize('NFKC').toLowerCase().trim())
    .map((name) => (name.split('[', 1)[0] ?? '').trim().replace(/[.\s]/g, '_'));
}

function refuse(message: string): NexusError {
  return new NexusError('return_url_not_allowed', message);
}
