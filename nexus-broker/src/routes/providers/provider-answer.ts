import type { ProviderProfile } from '@nexus/broker-api/providers';
import type { Provider } from '../../domain/provider.js';
import { toWireProfile } from '../../domain/provider-profile.js';

export function toProviderAnswer(provider: Provider): ProviderProfile {
  return toWireProfile(provider) as unknown as ProviderProfile;
}
