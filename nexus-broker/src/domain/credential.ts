/** What a connection's sealed blob holds. */
export type OauthCredential = {
  readonly kind: 'oauth2';
  readonly accessToken: string;
  readonly refreshToken: string | null;
  readonly tokenType: string;
  readonly idToken: string | null;
  readonly scope: string;
  /** Unix seconds; null when the provider named no end. */
  readonly expiresAt: number | null;
  /** Every origin it may be sent to; left out where that is the issuing one alone. */
  readonly origins?: readonly string[];
  /** Unix seconds of the consent, where its refresh token ends some time after it whatever happens. */
  readonly consentedAt?: number;
};

export type StaticCredential = {
  readonly kind: 'static';
  readonly fields: { readonly [name: string]: string };
};

export type StoredCredential = OauthCredential | StaticCredential;
