export interface DemoAccount {
  readonly accountId: string;
  claims(): Promise<{ readonly [name: string]: string | boolean }>;
}

export type NameCheck = { readonly accountId: string } | { readonly problem: string };

const longestName = 60;

/**
 * Turns what a person typed into a subject. Any name will do, and the same name is always the same account; accounts are
 * not stored, since the subject says all there is to know.
 */
export function readAccountName(text: string): NameCheck {
  const name = text.normalize('NFC').trim().replace(/\s+/gu, '-').toLowerCase();
  if (name === '') return { problem: 'Enter a name. Any name will do.' };
  if (/\p{Cc}|\p{Cs}/u.test(name)) return { problem: 'Enter a name without control characters.' };
  const accountId = encodeURIComponent(name);
  // OpenID Connect Core, section 2: a subject has at most 255 ASCII characters.
  if (name.length > longestName || accountId.length > 255) {
    return { problem: `Enter a shorter name, ${longestName} characters at most.` };
  }
  return { accountId };
}

function decodeName(accountId: string): string {
  try {
    return decodeURIComponent(accountId);
  } catch {
    return accountId;
  }
}

/** The name as shown to people: `ada-lovelace` is Ada Lovelace. */
export function describeAccountName(accountId: string): string {
  return decodeName(accountId)
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');
}

export function findAccount(accountId: string): DemoAccount {
  const name = decodeName(accountId);
  return {
    accountId,
    claims: async () => ({
      sub: accountId,
      name: describeAccountName(accountId),
      preferred_username: name,
      email: name.includes('@') ? name : `${accountId}@demo.example`,
      email_verified: true,
    }),
  };
}
