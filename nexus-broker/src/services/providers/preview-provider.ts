import { equalDigests, hashToken } from '@nexus/core/tokens';
import type { Vault } from '@nexus/vault/vault';
import { type Catalogue, type ExpandedBody, expandReplacement, expandTemplate } from '../../domain/profile-template.js';
import type { Provider, ProviderProfile } from '../../domain/provider.js';
import { parseProviderProfile, parseReplacement } from '../../domain/provider-profile.js';
import { openClientSecrets } from '../../grants/provider-secrets.js';
import type { Database } from '../../stores/database.js';

export interface PreviewProviderDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly catalogue: Catalogue;
  readonly environment: 'production' | 'development';
}

export interface ProviderPreview {
  readonly profile: ProviderProfile;
  readonly hasSecret: boolean;
  /** What would become of the stored client secret. */
  readonly clientSecret: 'set' | 'unset' | 'changed' | 'unchanged';
  /** The live provider of that name. */
  readonly current: Provider | null;
}

/**
 * What a body would become if it were registered, or put in the place of the live provider of its name. Reads only: no
 * name is resolved, so that an endpoint which may not be called is refused when the profile is written.
 *
 * @throws NexusError `invalid_request`, `reserved_parameter`, `provider_unsafe`.
 */
export async function previewProvider(
  deps: PreviewProviderDeps,
  input: { readonly body: { readonly [field: string]: unknown } },
): Promise<ProviderPreview> {
  const current = await findCurrent(deps, input.body);
  const expanded =
    current === null
      ? expandTemplate(deps.catalogue, input.body)
      : expandReplacement(deps.catalogue, current.profile, input.body);
  // Only a new registration can have another kind of credential.
  const replaced = current !== null && isSameKind(current, expanded) ? current : null;
  const options = { environment: deps.environment, template: expanded.template };
  const { profile, clientSecrets } =
    replaced === null
      ? parseProviderProfile(expanded.body, options)
      : parseReplacement(replaced.profile, expanded.body, options);
  const stored = replaced === null ? [] : await openClientSecrets(deps.vault, replaced);
  return {
    profile,
    hasSecret: (clientSecrets ?? stored).length > 0,
    clientSecret: compareSecrets(stored, clientSecrets ?? stored),
    current,
  };
}

async function findCurrent(
  { database, catalogue }: PreviewProviderDeps,
  body: { readonly [field: string]: unknown },
): Promise<Provider | null> {
  const { name, template } = body;
  const implied = typeof template === 'string' ? (catalogue.findTemplate(template)?.name ?? null) : null;
  const wanted = name ?? implied;
  return typeof wanted === 'string' ? database.stores.providers.findByName(wanted) : null;
}

function isSameKind(current: Provider, { body }: ExpandedBody): boolean {
  return body['auth_type'] === undefined || body['auth_type'] === current.profile.authType;
}

/** In constant time: whoever asks is not told how much of a guess is right. */
function compareSecrets(stored: readonly string[], next: readonly string[]): ProviderPreview['clientSecret'] {
  const isSame = equalDigests(hashToken(JSON.stringify(stored)), hashToken(JSON.stringify(next)));
  if (isSame) return 'unchanged';
  if (stored.length === 0) return 'set';
  return next.length === 0 ? 'unset' : 'changed';
}
