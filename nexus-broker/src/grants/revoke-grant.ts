/**
 * The rule of DELETE: a provider is asked to revoke only where that cannot kill a sibling connection that is still
 * wanted, because upstream revocation often ends the whole grant of a user at a client (RFC 7009, section 2.1).
 */
import type { Vault } from '@nexus/vault/vault';
import type { OauthCredential } from '../domain/credential.js';
import type { Provider } from '../domain/provider.js';
import { listRevocable } from '../domain/revocable-tokens.js';
import type { ProviderClient } from '../oauth/provider-client.js';
import type { Database } from '../stores/database.js';
import { openClientSecrets } from './provider-secrets.js';

interface RevokeGrantDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly providerClient: ProviderClient;
}

interface RevokeGrantInput {
  readonly provider: Provider;
  readonly credential: OauthCredential;
  readonly issuedOrigin: string;
  /** The connection that ends with this grant; null for a flow's grant, to which its connection is a sibling if it lives. */
  readonly endedRef: string | null;
  readonly accountSubject: string | null;
}

export interface Revocation {
  readonly providerRevoked: boolean;
  /** `shared_grant`, `unsupported`, `origin_changed`, or what the provider's answer amounts to; null when revoked. */
  readonly error: string | null;
  /** Whether asking again later may still revoke it. */
  readonly mayPass: boolean;
}

export async function revokeGrant(deps: RevokeGrantDeps, input: RevokeGrantInput): Promise<Revocation> {
  const { provider, credential } = input;
  if (provider.profile.revoke.kills !== 'token') {
    const isShared = await deps.database.stores.connections.hasLiveSibling({
      providerId: provider.providerId,
      accountSubject: input.accountSubject,
      exceptRef: input.endedRef ?? '',
    });
    if (isShared) return { providerRevoked: false, error: 'shared_grant', mayPass: false };
  }
  return revokeTokens(deps, { provider, credential, issuedOrigin: input.issuedOrigin });
}

/** Revokes the tokens of a credential, whatever else that kills at the provider. */
export async function revokeTokens(
  deps: Pick<RevokeGrantDeps, 'vault' | 'providerClient'>,
  { provider, credential, issuedOrigin }: Pick<RevokeGrantInput, 'provider' | 'credential' | 'issuedOrigin'>,
): Promise<Revocation> {
  const clientSecrets = await openClientSecrets(deps.vault, provider);
  let revoked = false;
  for (const { token, hint } of listRevocable(provider.profile, credential)) {
    const { outcome, mayPass } = await deps.providerClient.revokeToken({
      provider,
      clientSecrets,
      token,
      hint,
      issuedOrigin,
      origins: credential.origins,
    });
    // Once the refresh token is gone, a provider that will not take its access token back lets it run out.
    if (outcome !== 'revoked') {
      return { providerRevoked: revoked, error: revoked ? null : outcome, mayPass: mayPass && !revoked };
    }
    revoked = true;
  }
  return { providerRevoked: true, error: null, mayPass: false };
}
