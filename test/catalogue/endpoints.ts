/** Where a template says that requests go, and which of them a request means. */
import type { SeenRequest } from '@nexus/testkit/local-internet';
import { fillApiUrl, fillUrl, type Profile, type Values } from './templates.js';

type Kind =
  | 'exchange'
  | 'refresh'
  | 'upgrade'
  | 'revocation'
  | 'recipe'
  | 'introspection'
  | 'account'
  | 'metadata'
  | 'keys';

export interface Endpoint {
  readonly kind: Kind;
  readonly method: string;
  readonly url: URL;
  /** The query parameters that are part of its address. */
  readonly query: ReadonlySet<string>;
  /** Where the address holds a token, that of a request; else null. */
  readToken(url: URL): string | null;
  /** Of several calls to one address, whether this one is meant. */
  isMeant(request: SeenRequest): boolean;
}

export function listEndpoints(profile: Profile, places: Values): readonly Endpoint[] {
  const { refresh = {}, upgrade, revoke, account, token_url: tokenUrl } = profile;
  const sentinel = 'token-of-a-recipe';
  const endpoint = (kind: Kind, method: string, url: string | undefined, isMeant: Endpoint['isMeant'] = () => true) =>
    url === undefined
      ? []
      : [createEndpoint({ kind, method, isMeant }, new URL(fillUrl(url, { token: sentinel, ...places })), sentinel)];
  const discovers = profile.issuer !== undefined && profile.enable_discovery !== false;
  const issuer = discovers ? fillUrl(profile.issuer ?? '', places).replace(/\/$/, '') : undefined;
  const accountUrl = account?.request?.url ?? profile.user_info_endpoint;
  const grantOf = (request: SeenRequest) => mentions(request, refresh.grant_type ?? 'refresh_token');
  return [
    ...endpoint('upgrade', upgrade?.method ?? 'POST', upgrade?.url, (request) =>
      mentions(request, upgrade?.grant_type ?? ''),
    ),
    ...endpoint('refresh', refresh.method ?? 'POST', profile.refresh_url, () => true),
    ...endpoint('refresh', refresh.method ?? 'POST', profile.refresh_url === undefined ? tokenUrl : undefined, grantOf),
    ...endpoint('exchange', 'POST', tokenUrl),
    ...endpoint(
      'revocation',
      'POST',
      revoke?.via === undefined || revoke.via === 'rfc7009' ? profile.revocation_endpoint : undefined,
    ),
    ...endpoint('recipe', revoke?.request?.method ?? 'POST', revoke?.via === 'http' ? revoke.request?.url : undefined),
    ...endpoint('introspection', 'POST', profile.introspection_endpoint),
    ...endpoint(
      'account',
      account?.request?.method ?? 'GET',
      accountUrl === undefined ? undefined : fillApiUrl(accountUrl, profile, places),
    ),
    ...endpoint('metadata', 'GET', issuer === undefined ? undefined : `${issuer}/.well-known/openid-configuration`),
    ...endpoint(
      'keys',
      'GET',
      issuer === undefined ? undefined : `${new URL(issuer).origin}/keys-of-the-local-internet`,
    ),
  ];
}

/** The first that a request's method and address are those of; more in its query is left to whoever reads it. */
export function findEndpoint(endpoints: readonly Endpoint[], request: SeenRequest): Endpoint | null {
  const isAt = ({ method, url, readToken, query }: Endpoint) =>
    method === request.method &&
    url.origin === request.url.origin &&
    (url.pathname === request.url.pathname || readToken(request.url) !== null) &&
    [...query].every(
      (name) => url.searchParams.get(name) === request.url.searchParams.get(name) || readToken(request.url) !== null,
    );
  return endpoints.find((endpoint) => isAt(endpoint) && endpoint.isMeant(request)) ?? null;
}

function createEndpoint(
  { kind, method, isMeant }: Pick<Endpoint, 'kind' | 'method' | 'isMeant'>,
  url: URL,
  sentinel: string,
): Endpoint {
  const [before = '', after] = url.href.split(sentinel);
  const readToken = ({ href }: URL) => {
    const isThere = after !== undefined && href.startsWith(before) && href.endsWith(after);
    return isThere ? decodeURIComponent(href.slice(before.length, href.length - after.length)) : null;
  };
  return { kind, method, url, query: new Set(url.searchParams.keys()), readToken, isMeant };
}

/** Whether a grant type is named anywhere in the request, as a word of its own. */
function mentions({ url, body }: SeenRequest, grantType: string): boolean {
  const words = [...url.searchParams.values(), ...new URLSearchParams(body).values(), ...readJsonValues(body)];
  return words.includes(grantType);
}

function readJsonValues(body: string): unknown[] {
  try {
    return Object.values(JSON.parse(body) as object);
  } catch {
    return [];
  }
}
