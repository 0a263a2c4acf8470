import { resolveApiUrl } from '../domain/api-url.js';
import type { OauthCredential } from '../domain/credential.js';
import type { Provider } from '../domain/provider.js';
import { type Account, readAccount } from './account.js';
import { type AuthorizationServer, usesIdToken } from './authorization-server.js';
import { createFailure, ProviderCallError } from './provider-error.js';
import { recordAnswer, type TokenRequestDeps } from './token-request.js';

interface FetchAccountInput extends Account {
  readonly provider: Provider;
  /** The scopes that were asked for. */
  readonly scopes: readonly string[];
  readonly tokenSet: OauthCredential;
}

const userInfoTimeoutMs = 5_000;

/**
 * Completes what the ID token told of the account from the userinfo endpoint, where there is one. Best effort: an
 * endpoint that fails leaves the account as it was. Throws ProviderCallError with stage `verification` when the answer
 * speaks of another subject than the ID token (OpenID Connect Core 5.3.2: such an answer must not be used).
 */
export async function fetchAccount(
  deps: TokenRequestDeps,
  input: FetchAccountInput & { readonly server: AuthorizationServer },
): Promise<Account> {
  const known: Account = { subject: input.subject, label: input.label };
  const { server } = input;
  const { profile } = input.provider;
  if (known.subject !== null && known.label !== null) return known;
  const endpoint = profile.userInfoEndpoint ?? (usesIdToken(server, input.scopes) ? server.userInfoEndpoint : null);
  const found = endpoint === null ? null : await requestUserInfo(deps, input, endpoint);
  if (found === null) return known;
  const isStandard = usesIdToken(server, input.scopes) && hasSubject(found);
  const account = readAccount(found);
  if (isStandard && known.subject !== null && account.subject !== known.subject) {
    throw new ProviderCallError('verification', { failure: createFailure('final') });
  }
  return { subject: known.subject ?? account.subject, label: known.label ?? account.label };
}

async function requestUserInfo(deps: TokenRequestDeps, input: FetchAccountInput, endpoint: string): Promise<unknown> {
  try {
    const url = resolveApiUrl(input.provider.profile, endpoint);
    if (url === null) return null;
    const response = await deps.guardedFetch.fetch(url, {
      headers: { accept: 'application/json', authorization: `Bearer ${input.tokenSet.accessToken}` },
      signal: AbortSignal.timeout(userInfoTimeoutMs),
    });
    return response.status === 200 ? ((await recordAnswer(response)).json ?? null) : null;
  } catch {
    return null;
  }
}

function hasSubject(found: unknown): boolean {
  return typeof found === 'object' && found !== null && 'sub' in found;
}
