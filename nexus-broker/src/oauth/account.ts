/** Who stands behind a token, as far as the provider tells. */
export interface Account {
  readonly subject: string | null;
  /** Something a person recognises: an e-mail address or a user name. */
  readonly label: string | null;
}

export const unknownAccount: Account = { subject: null, label: null };

const subjectNames = ['sub', 'id', 'user_id', 'account_id', 'uid'];
const labelNames = ['email', 'preferred_username', 'login', 'username', 'display_name', 'name'];

/** Reads ID token claims or a userinfo answer; providers without OpenID Connect have their own member names. */
export function readAccount(claims: unknown): Account {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return unknownAccount;
  const fields = claims as Readonly<Record<string, unknown>>;
  const pick = (names: readonly string[]) => names.map((name) => readText(fields[name])).find((text) => text !== null);
  return { subject: pick(subjectNames) ?? null, label: pick(labelNames) ?? null };
}

/** A text that may be shown to people; null where it is none. */
export function readText(value: unknown): string | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (typeof value !== 'string' || value === '' || value.length > 255) return null;
  // Control and direction characters could disguise the text where a person reads it.
  return /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value) ? null : value;
}
