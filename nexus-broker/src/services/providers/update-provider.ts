import { expandPatch } from '../../domain/profile-template.js';
import type { Provider } from '../../domain/provider.js';
import { mergeProviderPatch } from '../../domain/provider-profile.js';
import type { RequestContext } from '../../domain/request-context.js';
import { listChangedFields } from '../../domain/wire-profile.js';
import { getProvider } from './get-provider.js';
import { type WriteProviderDeps, writeProvider } from './write-provider.js';

export interface UpdateProviderInput {
  readonly providerId: string;
  readonly patch: { readonly [field: string]: unknown };
}

/**
 * Changes the fields a patch names and validates the result as a whole.
 *
 * @throws NexusError `provider_not_found`, `forbidden`, `invalid_request`, `reserved_parameter`, `provider_unsafe`,
 * `provider_exists`.
 */
export async function updateProvider(
  deps: WriteProviderDeps,
  input: UpdateProviderInput,
  context: RequestContext,
): Promise<Provider> {
  const existing = await getProvider(deps, { providerId: input.providerId });
  const { body, template } = expandPatch(deps.catalogue, existing.profile, input.patch);
  const changed = mergeProviderPatch(existing.profile, body, { environment: deps.environment, template });
  const fields = [...Object.keys(input.patch), ...listChangedFields(existing.profile, changed.profile)];
  const written = await writeProvider(deps, { existing, changed, fields }, context);
  // Another writer came first: its result is the one this patch must be applied to.
  return written ?? updateProvider(deps, input, context);
}
