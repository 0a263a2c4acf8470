import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { Provider, ProviderProfile } from '../../domain/provider.js';
import { listProviderUrls, mergeProviderPatch } from '../../domain/provider-profile.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { witness } from '../../domain/store-witness.js';
import { openClientSecrets, sealClientSecrets } from '../../grants/provider-secrets.js';
import { fieldNames, type WriteProviderDeps } from './create-provider.js';
import { getProvider } from './get-provider.js';

export interface UpdateProviderInput {
  readonly providerId: string;
  readonly patch: unknown;
}

/**
 * Changes the fields a patch names and validates the result as a whole. The secrets are re-sealed with every change,
 * since they are bound to the profile's version. Credentials issued by another token endpoint origin stay bound to it.
 */
export async function updateProvider(
  deps: WriteProviderDeps,
  input: UpdateProviderInput,
  context: RequestContext,
): Promise<Provider> {
  const existing = await getProvider(deps, { providerId: input.providerId });
  const { profile, clientSecrets } = mergeProviderPatch(existing.profile, input.patch, {
    environment: deps.environment,
  });
  if (clientSecrets === null && movesSecrets(existing, profile) && context.principal?.role !== 'admin') {
    const message = 'must be sent again when an endpoint that receives it moves to another origin';
    throw new NexusError('invalid_request', `client_secret ${message}.`, {
      details: [{ path: 'client_secret', message }],
    });
  }
  for (const url of listProviderUrls(profile)) await deps.providerClient.checkUrl(url);
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
          data: { provider_id: provider.providerId, fields: fieldNames(input.patch) },
          store: witness('provider', provider.providerId, version, provider.sealedSecrets),
        },
        toAuditOrigin(context),
      ),
    ]);
    return true;
  });
  // Another writer came first: its result is the one this patch must be applied to.
  if (!isWritten) return updateProvider(deps, input, context);
  return provider;
}

/** Whether a stored client secret would from now on go to an origin it did not go to before. */
function movesSecrets(existing: Provider, profile: ProviderProfile): boolean {
  if (existing.sealedSecrets === null) return false;
  const before = listSecretOrigins(existing.profile);
  return listSecretOrigins(profile).some((origin) => !before.includes(origin));
}

/** Whoever serves the issuer's metadata names the endpoints, so the issuer counts as one. */
function listSecretOrigins({ issuer, tokenUrl, revocationEndpoint }: ProviderProfile): string[] {
  return [issuer, tokenUrl, revocationEndpoint].flatMap((url) => (url === null ? [] : [new URL(url).origin]));
}
