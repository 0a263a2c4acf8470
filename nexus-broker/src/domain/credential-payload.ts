/** What a read of a credential answers: an allow list per strategy, so that nothing else can leave. */
import type { JsonValue } from '@nexus/core/canonical-json';
import { credentialFields } from '@nexus/strategies/strategy';
import type { Connection } from './connection.js';
import type { StoredCredential } from './credential.js';
import type { ProviderProfile } from './provider.js';

export interface DisclosedCredential {
  readonly strategy: { readonly type: string; readonly config?: { readonly [name: string]: JsonValue } };
  readonly credentials: Readonly<Record<string, string | number>>;
  readonly scope: string;
  readonly expiresAt: number | null;
  readonly providerName: string;
  readonly connectionRef: string;
  readonly apiBaseUrl: string | null;
}

export function discloseCredential(
  connection: Pick<Connection, 'connectionRef'>,
  profile: ProviderProfile,
  credential: StoredCredential,
): DisclosedCredential {
  const place = { providerName: profile.name, connectionRef: connection.connectionRef, apiBaseUrl: profile.apiBaseUrl };
  if (credential.kind === 'static') {
    const { type, config } = profile.authStrategy;
    return {
      strategy: { type, config },
      credentials: pick(credential.fields, credentialFields(profile.authStrategy, Object.keys(credential.fields))),
      scope: '',
      expiresAt: null,
      ...place,
    };
  }
  return {
    strategy: { type: 'oauth2' },
    credentials: {
      access_token: credential.accessToken,
      token_type: credential.tokenType,
      ...(credential.expiresAt === null ? {} : { expires_at: credential.expiresAt }),
      ...(profile.exposeIdToken && credential.idToken !== null ? { id_token: credential.idToken } : {}),
    },
    scope: credential.scope,
    expiresAt: credential.expiresAt,
    ...place,
  };
}

function pick(fields: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = fields[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
