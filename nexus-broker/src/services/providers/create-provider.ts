import { toInstant } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import { expandTemplate } from '../../domain/profile-template.js';
import type { Provider } from '../../domain/provider.js';
import { parseProviderProfile } from '../../domain/provider-profile.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { witness } from '../../domain/store-witness.js';
import { sealClientSecrets } from '../../grants/provider-secrets.js';
import { checkUrls, type WriteProviderDeps } from './write-provider.js';

/**
 * Registers a provider. Who may write a token URL may steal refresh tokens, so every endpoint passes the outgoing guard
 * before it is stored, and the change is audited by field.
 *
 * @throws NexusError `invalid_request`, `reserved_parameter`, `provider_unsafe`, `provider_exists`.
 */
export async function createProvider(
  deps: WriteProviderDeps,
  input: { readonly body: { readonly [field: string]: unknown } },
  context: RequestContext,
): Promise<Provider> {
  const { body, template } = expandTemplate(deps.catalogue, input.body);
  const { profile, clientSecrets } = parseProviderProfile(body, { environment: deps.environment, template });
  await checkUrls(deps, profile);
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
          // Names only: a value could be a secret.
          data: { provider_id: providerId, fields: Object.keys(input.body).sort() },
          store: witness('provider', providerId, provider.version, provider.sealedSecrets),
        },
        toAuditOrigin(context),
      ),
    ]);
  });
  return provider;
}
