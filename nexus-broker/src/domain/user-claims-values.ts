/** The forms a single claim may have, whoever states it. Each reader gives undefined for a value that cannot be used. */

const maxTextLength = 255;

/** Fit to be stored, compared and logged: lone surrogates would all be stored as the same character. */
export function isClaimText(value: unknown, maxLength = maxTextLength): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxLength && !/[\p{Cc}\p{Cs}]/u.test(value);
}

/** A number past 2^53 is refused: it was rounded when it was read, and two tenants could have become one. */
export function readTenant(value: unknown): string | null | undefined {
  if (value === undefined || value === null) return null;
  if (Number.isSafeInteger(value)) return String(value);
  return isClaimText(value) ? value : undefined;
}

export function readClearance(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

export function readTexts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}

/** Scopes separated by spaces (RFC 6749, section 3.3). */
export function readScopeText(value: unknown): readonly string[] | undefined {
  return typeof value === 'string' ? value.split(' ').filter((scope) => scope !== '') : undefined;
}
