import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import type { Provider } from '../../domain/provider.js';
import { listProviderUrls, parseProviderProfile } from '../../domain/provider-profile.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { witness } from '../../domain/store-witness.js';
import { sealClientSecrets } from '../../grants/provider-secrets.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';

export interface WriteProviderDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly environment: 'production' | 'development';
}

/**
 * Registers a provider. Who may write a token URL may steal refresh tokens, so every endpoint passes the outgoing guard
 * before it is stored, and the change is audited by field.
 *
 * @throws NexusError `invalid_request`, `reserved_parameter`, `provider_unsafe`, `provider_exists`.
 */
export async function createProvider(
  deps: WriteProviderDeps,
  input: { readonly body: unknown },
  context: RequestContext,
): Promise<Provider> {
  const { profile, clientSecrets } = parseProviderProfile(input.body, { environment: deps.environment });
  for (const url of listProviderUrls(profile)) await deps.providerClient.checkUrl(url);
  const now = deps.clock.now();
  const providerId = createUlid(now);
  const provider: Provider = {
    providerId,
    version: 1,
    profile,
    sealedSecrets: sealClientSecrets(deps.vault, providerId, 1, clientSecrets ?? []),
    createdAt: toInstant(now),
    updatedAt: toInstant(now),
    deletedAt: null,
  };
  await deps.database.transaction(async (stores) => {
    await stores.providers.insert(provider);
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'provider.created',
          outcome: 'success',
          providerName: profile.name,
          resourceId: providerId,
          data: { provider_id: providerId, fields: fieldNames(input.body) },
          store: witness('provider', providerId, provider.version, provider.sealedSecrets),
        },
        toAuditOrigin(context),
      ),
    ]);
  });
  return provider;
}

/** Names only: a value could be a secret. */
export function fieldNames(body: unknown): string[] {
  return typeof body === 'object' && body !== null ? Object.keys(body).sort() : [];
}
