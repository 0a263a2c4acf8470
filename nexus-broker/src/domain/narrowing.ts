/** What a narrower token has to be, and how a provider says that it mints none. */
import { widerScopes } from './agent-session.js';
import type { OauthCredential } from './credential.js';
import type { DownscopeMethod } from './provider.js';
import { splitScope } from './token-set.js';

/**
 * Whether `minted` can do no more than `scopes`. A provider that ignores what was asked may answer with `own` itself, or
 * with a scope that says nothing.
 */
export function isNarrowed(minted: OauthCredential, own: OauthCredential, scopes: readonly string[]): boolean {
  const granted = splitScope(minted.scope);
  const isTold = granted.length > 0;
  return isTold && minted.accessToken !== own.accessToken && widerScopes(granted, scopes).length === 0;
}

interface Refusal {
  readonly upstreamError: string | null;
  readonly upstreamStatus: number | null;
}

/** RFC 6749 section 5.2, RFC 8693 section 2.2.2; `access_denied` is what a policy answers. */
const refusals = ['invalid_scope', 'unauthorized_client', 'unsupported_grant_type', 'invalid_target', 'access_denied'];

const refusalsVia: Record<DownscopeMethod, ReadonlySet<string>> = {
  refresh: new Set(refusals),
  token_exchange: new Set([...refusals, 'invalid_request']),
};

/** Whether asking again would be answered the same; nothing else is wrong then. A failing server's words do not count. */
export function isNarrowingRefused(via: DownscopeMethod, { upstreamError, upstreamStatus }: Refusal): boolean {
  if (upstreamError === null || upstreamStatus === null || upstreamStatus === 429) return false;
  const canSpeak = upstreamStatus === 200 || (upstreamStatus >= 400 && upstreamStatus < 500);
  return canSpeak && refusalsVia[via].has(upstreamError);
}
