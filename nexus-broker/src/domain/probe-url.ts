import { resolveApiUrl } from './api-url.js';
import type { ProviderProfile } from './provider.js';

/** Where a static credential is tried: the profile's probe, else its user-info endpoint; null where neither is set. */
export function probeUrl(profile: ProviderProfile): string | null {
  const target = profile.probe?.path ?? profile.userInfoEndpoint;
  return target === null ? null : resolveApiUrl(profile, target);
}
