import { NexusError } from '@nexus/core/errors';
import type { CredentialSchema } from '../../domain/credential-schema.js';
import type { Provider } from '../../domain/provider.js';
import type { Database } from '../../stores/database.js';
import { findUsableFlow, flowExpired } from './find-usable-flow.js';

export interface GetCaptureSchemaInput {
  readonly ticket: string | null;
  readonly providerName: string | null;
  readonly providerId: string | null;
}

/** The JSON Schema of what a static provider asks for, by flow ticket or by provider. */
export async function getCaptureSchema(
  deps: { readonly database: Database },
  input: GetCaptureSchemaInput,
): Promise<{ readonly provider: Provider; readonly schema: CredentialSchema }> {
  const provider = await findProvider(deps.database, input);
  const schema = provider.profile.credentialSchema;
  if (schema === null) {
    throw new NexusError('not_a_static_provider', 'This provider uses OAuth: send the person to auth_url instead.');
  }
  return { provider, schema };
}

async function findProvider(database: Database, input: GetCaptureSchemaInput): Promise<Provider> {
  if (input.ticket !== null) return findProviderOfTicket(database, input.ticket);
  const { providers } = database.stores;
  let provider: Provider | null = null;
  if (input.providerId !== null) provider = await providers.findById(input.providerId);
  else if (input.providerName !== null) provider = await providers.findByName(input.providerName);
  else throw new NexusError('missing_params', 'Send state, provider_name or provider_id.');
  if (provider === null) throw new NexusError('provider_not_found', 'No provider has this name or id.');
  return provider;
}

/** A ticket that is spent in whatever way has no schema any more; the contract knows one answer for that. */
async function findProviderOfTicket(database: Database, ticket: string): Promise<Provider> {
  try {
    return (await findUsableFlow(database, ticket)).provider;
  } catch (error) {
    throw error instanceof NexusError ? flowExpired() : error;
  }
}
