/** The tenant of a provider that a connection is at: what its inputs make of a host. */
import { listPlacedUrls, listUses } from './placed-urls.js';
import { findPlaces, type PlaceValues } from './placeholders.js';
import { unplacedProfile } from './profile-places.js';
import type { Provider } from './provider.js';

/** Inputs that stand in the host of a URL: subjects of accounts are told apart within one such host only. */
function listHostInputs(provider: Provider): string[] {
  const profile = unplacedProfile(provider);
  const uses = listUses(profile);
  return Object.keys(profile.inputs).filter((name) => [...(uses.get(name) ?? [])].some((use) => use !== 'text'));
}

/**
 * The inputs by which `after` is at another tenant than `before`. One that was never given counts as its default, and
 * differs from nothing where it has none.
 */
export function findMovedInputs(provider: Provider, before: PlaceValues, after: PlaceValues): string[] {
  const { inputs } = unplacedProfile(provider);
  const read = (values: PlaceValues, name: string) =>
    (Object.hasOwn(values, name) ? values[name] : inputs[name]?.default)?.toLowerCase();
  return listHostInputs(provider).filter((name) => {
    const known = read(before, name);
    return known !== undefined && known !== read(after, name);
  });
}

/** The host that the inputs of a flow or connection name; null where they name none. */
export function findTenantHost(provider: Provider): string | null {
  const names = new Set(listHostInputs(provider));
  const filled = new Map(listPlacedUrls(provider.profile).map(({ field, url }) => [field, url]));
  for (const { field, url } of listPlacedUrls(unplacedProfile(provider))) {
    if (!findPlaces(url).some(({ name, use }) => use !== 'text' && names.has(name))) continue;
    const placed = filled.get(field) ?? '';
    if (URL.canParse(placed) && !placed.includes('{')) return new URL(placed).host;
  }
  return null;
}
