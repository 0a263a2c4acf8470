import { resolveApiUrl } from '../domain/api-url.js';
import type { OauthCredential } from '../domain/credential.js';
import type { Located } from '../domain/profile-quirks.js';
import type { Provider, ProviderProfile } from '../domain/provider.js';
import { type Account, readAccount, readText } from './account.js';
import { readPath } from './answer-path.js';
import { type AuthorizationServer, usesIdToken } from './authorization-server.js';
import { createFailure, ProviderCallError } from './provider-error.js';
import { recordAnswer } from './shape-answer.js';
import type { TokenRequestDeps } from './token-request.js';
import { tellsSecret } from './withheld-texts.js';

interface FetchAccountInput {
  /** Placed with everything that is known by now. */
  readonly provider: Provider;
  readonly server: AuthorizationServer;
  /** The scopes that were asked for. */
  readonly scopes: readonly string[];
  readonly tokenSet: OauthCredential;
  /** What the verified ID token tells. */
  readonly known: Account;
  /** The answer of the token endpoint, and the parameters of the callback. */
  readonly token: unknown;
  readonly callback: unknown;
  /** Neither a subject nor a label may tell one of them: both are shown. */
  readonly secrets: readonly string[];
}

interface FoundAccount extends Account {
  /** What the account request brought; null where it was not made, or failed. */
  readonly userInfo: unknown;
}

const userInfoTimeoutMs = 5_000;

/**
 * Completes what the ID token told of the account by what the profile knows of it, and from the userinfo endpoint. Best
 * effort: an endpoint that fails leaves the account as it was. Throws ProviderCallError with stage `verification` when
 * the answer speaks of another subject than the ID token (OpenID Connect Core 5.3.2: such an answer must not be used).
 */
export async function fetchAccount(deps: TokenRequestDeps, input: FetchAccountInput): Promise<FoundAccount> {
  const { server, known } = input;
  const { account } = input.provider.profile;
  const userInfo = needsUserInfo(account, known) ? await requestUserInfo(deps, input) : null;
  const standard = readAccount(userInfo);
  const isStandard = account.request === null && usesIdToken(server, input.scopes) && hasSubject(userInfo);
  if (isStandard && known.subject !== null && standard.subject !== known.subject) {
    throw new ProviderCallError('verification', { failure: createFailure('final') });
  }
  const locate = (located: Located) => {
    const sources = { userinfo: userInfo, token: input.token, callback: input.callback };
    return readText(readPath(sources[located.from], located.path));
  };
  const show = (text: string | null) => (tellsSecret(text, input.secrets) ? null : text);
  const subject = show(account.subject === null ? standard.subject : locate(account.subject));
  const label = show(account.label === null ? null : locate(account.label));
  // A verified subject is worth more than any other; a label is for people, and the profile knows what they call it.
  return { subject: known.subject ?? subject, label: label ?? known.label ?? show(standard.label), userInfo };
}

function needsUserInfo({ subject, label, values }: ProviderProfile['account'], known: Account): boolean {
  const isAsked = (located: Located | null, told: string | null) =>
    located === null ? told === null : located.from === 'userinfo';
  const isLifted = Object.values(values).some(({ from }) => from === 'userinfo');
  return isLifted || (known.subject === null && isAsked(subject, null)) || isAsked(label, known.label);
}

async function requestUserInfo(deps: TokenRequestDeps, input: FetchAccountInput): Promise<unknown> {
  const { server, tokenSet } = input;
  const { profile } = input.provider;
  const { request } = profile.account;
  const standard = usesIdToken(server, input.scopes) ? server.userInfoEndpoint : null;
  const endpoint = request?.url ?? profile.userInfoEndpoint ?? standard;
  if (endpoint === null) return null;
  try {
    const url = resolveApiUrl(profile, endpoint);
    if (url === null) return null;
    const response = await deps.guardedFetch.fetch(url, {
      method: request?.method ?? 'GET',
      headers: {
        accept: 'application/json',
        authorization: `${tokenSet.tokenType} ${tokenSet.accessToken}`,
        ...(typeof request?.body === 'string' ? { 'content-type': 'application/json' } : {}),
        ...request?.headers,
      },
      body: request?.body ?? null,
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
