/** Rewrites what openid-client would send into what the provider's profile says it understands. */
import type { CustomFetchOptions } from 'openid-client';
import type { ProviderProfile } from '../domain/provider.js';

/** `exchange` of a code, `refresh`, a refresh for fewer scopes (`narrowing`), or any other grant. */
export type TokenCall = 'exchange' | 'refresh' | 'narrowing' | 'other';

export interface ShapedRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | URLSearchParams | null;
}

interface PlainRequest {
  readonly url: string;
  readonly init: Pick<CustomFetchOptions, 'method' | 'headers' | 'body'>;
}

/** The provider's name of a parameter; `''` where the provider must not see it. */
export function nameParameter({ paramNames }: Pick<ProviderProfile, 'paramNames'>, name: string): string {
  return (Object.hasOwn(paramNames, name) ? paramNames[name] : undefined) ?? name;
}

/** A request to the token endpoint. */
export function shapeTokenRequest(profile: ProviderProfile, call: TokenCall, plain: PlainRequest): ShapedRequest {
  const { tokenRequest, refresh } = profile;
  const isRefresh = call === 'refresh' || call === 'narrowing';
  const form = renameAll(profile, plain.init.body, (name) =>
    isRefresh && name === 'refresh_token' && refresh.tokenParam !== name ? refresh.tokenParam : null,
  );
  const grantType = nameParameter(profile, 'grant_type');
  if (isRefresh && form.has(grantType)) form.set(grantType, refresh.grantType);
  const extra = isRefresh ? refresh.params : call === 'exchange' ? tokenRequest.params : {};
  for (const [name, value] of Object.entries(extra)) form.set(name, value);
  return layOut({
    url: isRefresh ? (profile.refreshUrl ?? plain.url) : plain.url,
    method: isRefresh ? refresh.method : 'POST',
    headers: { ...withoutUserAgent(plain.init.headers), ...tokenRequest.headers },
    params: form,
    bodyFormat: tokenRequest.bodyFormat,
  });
}

/** A request to another endpoint that authenticates the client (RFC 7009, RFC 7662): only its names may differ. */
export function shapeClientRequest(profile: ProviderProfile, { url, init }: PlainRequest): ShapedRequest {
  const { method, headers } = init;
  return { url, method, headers: withoutUserAgent(headers), body: renameAll(profile, init.body, () => null) };
}

interface LayOut {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly params: URLSearchParams;
  /** `none`, and any GET, puts the parameters into the query. */
  readonly bodyFormat: 'form' | 'json' | 'none';
}

export function layOut({ url, method, headers, params, bodyFormat }: LayOut): ShapedRequest {
  const plain = Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-type'));
  if (method === 'GET' || bodyFormat === 'none') {
    const target = new URL(url);
    for (const [name, value] of params) target.searchParams.set(name, value);
    return { url: target.href, method, headers: plain, body: null };
  }
  if (bodyFormat === 'form') return { url, method, headers: plain, body: params };
  return {
    url,
    method,
    headers: { ...plain, 'content-type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(params)),
  };
}

function renameAll(
  profile: ProviderProfile,
  body: CustomFetchOptions['body'],
  rename: (name: string) => string | null,
): URLSearchParams {
  const renamed = new URLSearchParams();
  for (const [name, value] of body instanceof URLSearchParams ? body : []) {
    const shaped = rename(name) ?? nameParameter(profile, name);
    if (shaped !== '') renamed.append(shaped, value);
  }
  return renamed;
}

/** The guard names us; a library's own name and version are nobody's business. */
function withoutUserAgent(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'user-agent'));
}
