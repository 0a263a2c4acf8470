/** The URLs of a profile: where secrets go, at which origins they may be, and what stands in their places. */
import type { PlaceUse } from './place-rules.js';
import { findPlaces, isAbsolute, isWholePlace, originText } from './placeholders.js';
import type { ProfileContext } from './profile-context.js';
import type { ProviderProfile } from './provider.js';

export type Placed = Pick<
  ProviderProfile,
  | 'issuer'
  | 'authUrl'
  | 'tokenUrl'
  | 'refreshUrl'
  | 'userInfoEndpoint'
  | 'revocationEndpoint'
  | 'introspectionEndpoint'
  | 'apiBaseUrl'
  | 'inputs'
  | 'upgrade'
  | 'revoke'
  | 'account'
  | 'probe'
>;

export interface PlacedUrl {
  readonly field: string;
  readonly url: string;
  /** How early it is used: before the person is asked, before the code is exchanged, or with a token at hand. */
  readonly needed: 'request' | 'exchange' | 'token';
}

/** Every URL of the profile that is given as such, with the field it stands in. */
export function listPlacedUrls(profile: Placed): PlacedUrl[] {
  const urls: readonly (readonly [string, string | null | undefined, PlacedUrl['needed']])[] = [
    ['issuer', profile.issuer, 'request'],
    ['auth_url', profile.authUrl, 'request'],
    ['token_url', profile.tokenUrl, 'exchange'],
    ['upgrade.url', profile.upgrade?.url, 'exchange'],
    ['refresh_url', profile.refreshUrl, 'token'],
    ['revocation_endpoint', profile.revocationEndpoint, 'token'],
    ['introspection_endpoint', profile.introspectionEndpoint, 'token'],
    ['revoke.request.url', profile.revoke.request?.url, 'token'],
    ['account.request.url', profile.account.request?.url, 'token'],
    ['user_info_endpoint', profile.userInfoEndpoint, 'token'],
    ['api_base_url', profile.apiBaseUrl, 'token'],
    ['probe.path', profile.probe?.path, 'request'],
  ];
  return urls.flatMap(([field, url, needed]) => (typeof url === 'string' ? [{ field, url, needed }] : []));
}

/**
 * Origins, as they are written, that receive a token or a secret of a client: whoever serves them could keep it. A host
 * that a connection's value names counts with each host the value may be. The API's own origin is a matter of
 * secret-shaping.
 */
export function listSecretOrigins(profile: Placed): string[] {
  const { inputs, account } = profile;
  const hosts = [...Object.values(inputs), ...Object.values(account.values)].flatMap((rules) => rules.allowedHosts);
  const urls = listPlacedUrls(profile).filter(
    ({ field, url }) => field !== 'auth_url' && field !== 'api_base_url' && isAbsolute(url),
  );
  return [...new Set([...urls.map(({ url }) => originText(url)), ...hosts])];
}

/**
 * Endpoints of one provider are at one origin, or at origins the profile lists: a mistyped or slipped-in URL would
 * receive tokens. A host that values name has a list of its own.
 */
export function checkOrigins(
  { unsafe }: ProfileContext,
  profile: Placed & Pick<ProviderProfile, 'allowedOrigins'>,
): void {
  const origins = listPlacedUrls(profile)
    .filter(({ field, url }) => field !== 'api_base_url' && isAbsolute(url))
    .map(({ url }) => originText(url))
    .filter((origin) => !isWholePlace(origin));
  const [own] = origins;
  const stray = origins.filter((origin) => origin !== own && !profile.allowedOrigins.includes(origin));
  if (stray.length === 0) return;
  const listed = [...new Set(stray)].join(', ');
  unsafe.push(`The endpoints span several origins; list them in allowed_origins: ${listed}.`);
}

/** What each value of a connection must be, by its name. */
export function listUses(profile: Placed): ReadonlyMap<string, ReadonlySet<PlaceUse>> {
  const uses = new Map<string, Set<PlaceUse>>();
  for (const { url } of listPlacedUrls(profile)) {
    for (const { name, use } of findPlaces(url)) uses.set(name, (uses.get(name) ?? new Set()).add(use));
  }
  return uses;
}
