/**
 * What of a provider's answers opens something. Such a text is never shown, recorded or kept unsealed, wherever a profile
 * says that a scope, a label or a value is to be found.
 */

const tokenMembers = ['access_token', 'refresh_token', 'id_token'] as const;
/** A member of a token answer in the form of the standard (RFC 6749 section 5.1, OpenID Connect Core 3.1.3.3). */
export type TokenMember = (typeof tokenMembers)[number];

interface FoundToken {
  readonly member: TokenMember;
  readonly text: string;
}

/** Deeper than this no provider has its tokens. */
const maxDepth = 8;

/** Every token of an answer that stands under its usual name, at whatever depth. */
export function findTokens(json: unknown, depth = maxDepth): FoundToken[] {
  if (typeof json !== 'object' || json === null || depth === 0) return [];
  return Object.entries(json).flatMap(([name, value]) => {
    const member = tokenMembers.find((known) => known === name);
    if (member !== undefined && typeof value === 'string') return value === '' ? [] : [{ member, text: value }];
    return findTokens(value, depth - 1);
  });
}

/** What a callback carries that is worth something: its code and state, and tokens where it has any. */
export function listCallbackSecrets(callback: Readonly<Record<string, string>>): string[] {
  const opening = ['code', 'state'].flatMap((name) => (Object.hasOwn(callback, name) ? [callback[name] ?? ''] : []));
  return [...opening.filter((text) => text !== ''), ...findTokens(callback).map(({ text }) => text)];
}

/** A shorter text stands within others by chance. */
const minContained = 16;

/** Whether a value, or one of a list, is one of the secrets or holds one. */
export function tellsSecret(value: unknown, secrets: readonly string[]): boolean {
  if (Array.isArray(value)) return value.some((item) => tellsSecret(item, secrets));
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const text = String(value);
  return secrets.some((secret) => text === secret || (secret.length >= minContained && text.includes(secret)));
}
