import type { OauthCredential } from './credential.js';
import type { ProviderProfile } from './provider.js';

export interface RevocableToken {
  readonly token: string;
  /** What kind it is (RFC 7009 section 2.1). */
  readonly hint: 'refresh_token' | 'access_token';
}

/** The tokens of a credential that its provider has to be shown to end it, in their order. */
export function listRevocable(
  { revoke }: Pick<ProviderProfile, 'revoke'>,
  { accessToken, refreshToken }: Pick<OauthCredential, 'accessToken' | 'refreshToken'>,
): RevocableToken[] {
  const access = { token: accessToken, hint: 'access_token' } as const;
  if (refreshToken === null || refreshToken === accessToken) return [access];
  const refresh = { token: refreshToken, hint: 'refresh_token' } as const;
  if (revoke.via !== 'http') return [refresh, access];
  return revoke.request?.token === 'refresh_token' ? [refresh] : [access];
}
