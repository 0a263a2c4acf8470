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
};

export type StaticCredential = {
  readonly kind: 'static';
  readonly fields: { readonly [name: string]: string };
};

export type StoredCredential = OauthCredential | StaticCredential;
