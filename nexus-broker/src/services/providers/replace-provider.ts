import { NexusError } from '@nexus/core/errors';
import { expandReplacement } from '../../domain/profile-template.js';
import type { Provider } from '../../domain/provider.js';
import { parseReplacement } from '../../domain/provider-profile.js';
import type { RequestContext } from '../../domain/request-context.js';
import { listChangedFields } from '../../domain/wire-profile.js';
import { getProvider } from './get-provider.js';
import { type WriteProviderDeps, writeProvider } from './write-provider.js';

export interface ReplaceProviderInput {
  readonly providerId: string;
  /** The version whoever asks has read; null: whatever is stored is replaced. */
  readonly expectedVersion: number | null;
  readonly body: { readonly [field: string]: unknown };
}

/**
 * Puts a whole profile in the place of another: what the body leaves out gets its default, but the client secret, which
 * nobody can read, is kept then.
 *
 * @throws NexusError `provider_not_found`, `provider_changed` and what an update may throw.
 */
export async function replaceProvider(
  deps: WriteProviderDeps,
  input: ReplaceProviderInput,
  context: RequestContext,
): Promise<Provider> {
  const existing = await getProvider(deps, { providerId: input.providerId });
  const { expectedVersion } = input;
  if (expectedVersion !== null && expectedVersion !== existing.version) {
    throw new NexusError('provider_changed', `The provider is at version ${existing.version} now.`);
  }
  const { body, template } = expandReplacement(deps.catalogue, existing.profile, input.body);
  const changed = parseReplacement(existing.profile, body, { environment: deps.environment, template });
  const fields = listChangedFields(existing.profile, changed.profile);
  if (changed.clientSecrets !== null) fields.push('client_secret');
  const written = await writeProvider(deps, { existing, changed, fields }, context);
  // Somebody came first: judged anew, which refuses it where a version was expected.
  return written ?? replaceProvider(deps, input, context);
}
