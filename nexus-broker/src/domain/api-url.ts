import { NexusError } from '@nexus/core/errors';
import type { ProviderProfile } from './provider.js';

/**
 * The URL a profile means by `path`: an absolute URL as it is, anything else appended to `apiBaseUrl`, whose path is
 * kept. Null when it is relative and the profile has no base. Throws `provider_unsafe` when the result left the base.
 */
export function resolveApiUrl(profile: Pick<ProviderProfile, 'apiBaseUrl'>, path: string): string | null {
  if (/^https?:\/\//i.test(path)) return path;
  if (profile.apiBaseUrl === null) return null;
  const joined = `${profile.apiBaseUrl.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`;
  if (!URL.canParse(joined) || new URL(joined).origin !== new URL(profile.apiBaseUrl).origin) {
    throw new NexusError('provider_unsafe', 'A path of this provider does not stay below its API base URL.');
  }
  return joined;
}
