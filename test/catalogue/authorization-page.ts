/** The page on which a person consents: judges the authorization request, and sends the browser back. */
import { type Client, omitNameless, type Rename } from './client-authentication.js';
import type { Faults, Wanted } from './expect-request.js';
import type { Grant } from './provider-context.js';
import { fillTexts, fillUrl, type Profile, type TemplateUnderTest, type Values } from './templates.js';

interface Page {
  readonly profile: Profile;
  readonly tests: TemplateUnderTest['tests'];
  readonly places: Values;
  readonly client: Client;
  readonly scopes: readonly string[];
  readonly faults: Faults;
  readonly rename: Rename;
  readonly unique: (kind: string) => string;
}

interface Consent {
  readonly grant: Grant;
  /** The query with which the browser comes back. */
  readonly parameters: readonly (readonly [string, string])[];
}

/** RFC 6749 section 4.1.1, RFC 7636 section 4.3, RFC 9207 section 2. */
export function readAuthorization(page: Page, text: string): Consent {
  const { profile, tests, places, scopes, faults, rename } = page;
  const where = 'the authorization request';
  const url = new URL(text);
  const own = new URL(fillUrl(profile.auth_url ?? '', places));
  if (url.origin !== own.origin || url.pathname !== own.pathname) faults.add(`${where} goes to ${url.href}`);
  const given: Record<string, string> = Object.fromEntries(url.searchParams);
  if ([...url.searchParams].length !== Object.keys(given).length) faults.add(`${where}: a parameter is there twice`);
  const scope = scopes.length === 0 ? null : scopes.join(profile.scope_separator ?? ' ');
  const isOpenid = profile.issuer !== undefined && scopes.includes('openid');
  faults.compare(where, given, {
    ...Object.fromEntries(own.searchParams),
    ...fillTexts(profile.params, places),
    ...nameParameters(page, scope),
    state: null,
    ...(profile.pkce === 'refused' ? {} : { code_challenge: null, code_challenge_method: 'S256' }),
    ...(isOpenid ? { nonce: null } : {}),
  });
  const challenge = profile.pkce === 'refused' ? null : (given['code_challenge'] ?? '');
  if (challenge !== null && !/^[A-Za-z0-9_-]{43}$/.test(challenge)) faults.add(`${where}: code_challenge ${challenge}`);
  const code = page.unique('code');
  const grant: Grant = {
    code,
    redirectUri: given[rename('redirect_uri')] ?? '',
    challenge,
    nonce: given['nonce'] ?? null,
    scope,
    short: null,
    tokens: null,
    issuedMs: 0,
    refreshes: 0,
    revoked: [],
  };
  const issuer = profile.iss_expected === true ? [['iss', fillUrl(profile.issuer ?? '', places)] as const] : [];
  const more = Object.entries(tests.callback ?? {});
  return { grant, parameters: [['code', code], ['state', given['state'] ?? ''], ...issuer, ...more] };
}

function nameParameters({ profile, client, rename }: Page, scope: string | null): Wanted {
  return omitNameless({
    [rename('response_type')]: 'code',
    [rename('client_id')]: client.id,
    [rename('redirect_uri')]: null,
    ...(scope === null ? {} : { [profile.scope_param ?? rename('scope')]: scope }),
  });
}
