import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import { listSecretOrigins } from '../../domain/placed-urls.js';
import type { Catalogue } from '../../domain/profile-template.js';
import type { Provider, ProviderProfile } from '../../domain/provider.js';
import { listProviderUrls, type ParsedProfile } from '../../domain/provider-profile.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { listShapingFields } from '../../domain/secret-shaping.js';
import { witness } from '../../domain/store-witness.js';
import { openClientSecrets, sealClientSecrets } from '../../grants/provider-secrets.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';

export interface WriteProviderDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly catalogue: Catalogue;
  readonly environment: 'production' | 'development';
}

export interface ProviderChange {
  readonly existing: Provider;
  readonly changed: ParsedProfile;
  /** Names of the fields, for the audit log: a value could be a secret. */
  readonly fields: readonly string[];
}

/**
 * Stores a changed profile; null where somebody else changed it since. The secrets are re-sealed with every change,
 * since they are bound to the profile's version. Credentials issued by another token endpoint origin stay bound to it.
 *
 * @throws NexusError `forbidden`, `invalid_request`, `provider_unsafe`, `provider_exists`.
 */
export async function writeProvider(
  deps: WriteProviderDeps,
  { existing, changed, fields }: ProviderChange,
  context: RequestContext,
): Promise<Provider | null> {
  const { profile, clientSecrets } = changed;
  if (context.principal?.role !== 'admin') await checkSecrets(deps, existing, changed);
  await checkUrls(deps, profile);
  const version = existing.version + 1;
  const secrets = clientSecrets ?? (await openClientSecrets(deps.vault, existing));
  const provider: Provider = {
    ...existing,
    version,
    profile,
    sealedSecrets: sealClientSecrets(deps.vault, existing.providerId, version, secrets),
    updatedAt: toInstant(deps.clock.now()),
  };
  const isWritten = await deps.database.transaction(async (stores) => {
    if (!(await stores.providers.update(provider, existing.version))) return false;
    // What the old profile failed at is worth another try at once.
    await stores.connections.forgetPauses(provider.providerId);
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'provider.updated',
          outcome: 'success',
          providerName: profile.name,
          resourceId: provider.providerId,
          data: { provider_id: provider.providerId, fields: [...new Set(fields)].sort() },
          store: witness('provider', provider.providerId, version, provider.sealedSecrets),
        },
        toAuditOrigin(context),
      ),
    ]);
    return true;
  });
  return isWritten ? provider : null;
}

/** @throws NexusError `provider_unsafe` for an endpoint that may not be called. */
export async function checkUrls(
  { providerClient }: Pick<WriteProviderDeps, 'providerClient'>,
  profile: ProviderProfile,
): Promise<void> {
  // All at once, because a name that nobody resolves takes seconds; what is said is about the first of them.
  const checks = await Promise.allSettled(listProviderUrls(profile).map((url) => providerClient.checkUrl(url)));
  for (const check of checks) if (check.status === 'rejected') throw check.reason;
}

/** What only an admin may change, unless it is what the provider's own template says: see decision 0011. */
async function checkSecrets(
  { database, catalogue }: WriteProviderDeps,
  existing: Provider,
  { profile, clientSecrets }: ParsedProfile,
): Promise<void> {
  const { template } = profile;
  const isSame = template !== null && template.name === existing.profile.template?.name;
  const shipped = isSame ? (catalogue.findTemplate(template.name)?.profile ?? null) : null;
  const shaping = listShapingFields(existing.profile, profile, shipped);
  if (shaping.length > 0 && (await hasSecrets(database, existing))) {
    throw new NexusError(
      'forbidden',
      `Only an admin may change what happens to stored secrets: ${shaping.join(', ')}.`,
    );
  }
  if (clientSecrets === null && movesSecrets(existing, profile)) {
    const message = 'must be sent again when an endpoint that receives it moves to another origin';
    throw new NexusError('invalid_request', `client_secret ${message}.`, {
      details: [{ path: 'client_secret', message }],
    });
  }
}

/** Sending the client secret again protects that secret, but not what live connections hold. */
async function hasSecrets({ stores }: Database, provider: Provider): Promise<boolean> {
  return provider.sealedSecrets !== null || (await stores.connections.holdCredentials(provider.providerId));
}

/** Whether a stored client secret would from now on go to an origin it did not go to before. */
function movesSecrets(existing: Provider, profile: ProviderProfile): boolean {
  if (existing.sealedSecrets === null) return false;
  const before = listSecretOrigins(existing.profile);
  return listSecretOrigins(profile).some((origin) => !before.includes(origin));
}
