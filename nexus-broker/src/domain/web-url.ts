/** Only `development` allows plain http, and only on loopback. */
export type Environment = 'production' | 'development';

export const maxUrlLength = 2048;

/** RFC 3986 section 2: the only characters a URI is written with. Parsers disagree about all others. */
export function isUriText(text: string): boolean {
  return /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/.test(text);
}

/** `hostname` as the URL parser gives it, which writes every spelling of an IPv4 address as four decimal numbers. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}

/** Why a text cannot be the URL of an endpoint; null when it can. */
export function findUrlProblem(text: string, environment: Environment): string | null {
  if (text.length > maxUrlLength) return `must be at most ${maxUrlLength} characters`;
  // Two slashes and an authority: the parser would also accept `https:host` and `https:///host`.
  if (!isUriText(text) || !/^https?:\/\/[^/?#]/.test(text) || !URL.canParse(text)) return 'must be an absolute URL';
  const url = new URL(text);
  if (!/^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/.test(url.hostname)) return 'must name a host';
  if (url.protocol === 'http:' && environment === 'production') return 'must use https';
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return 'must use https, or http on loopback';
  const authority = text.slice(text.indexOf('//') + 2).split(/[/?#]/, 1)[0] ?? '';
  if (authority.includes('@')) return 'must not hold user information';
  return text.includes('#') ? 'must not have a fragment' : null;
}

/** Why a text is not a bare origin in its normal form; null when it is. */
export function findOriginProblem(text: string, environment: Environment): string | null {
  const problem = findUrlProblem(text, environment);
  if (problem !== null) return problem;
  const { origin } = new URL(text);
  return origin === text ? null : `must be a bare origin, here ${origin}`;
}
