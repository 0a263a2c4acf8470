import type { ProviderMetadata, ProviderPreview, ProviderProfile } from '@nexus/broker-api/providers';
import type { Provider } from '../../domain/provider.js';
import { toProviderMetadata } from '../../domain/provider-metadata.js';
import { toWireProfile, toWriteProfile } from '../../domain/wire-profile.js';
import type { ProviderPreview as Preview } from '../../services/providers/preview-provider.js';

export function toProviderAnswer(provider: Provider): ProviderProfile {
  return toWireProfile(provider) as unknown as ProviderProfile;
}

export function toPreviewAnswer({ profile, hasSecret, clientSecret, current }: Preview): ProviderPreview {
  const shown = { ...toWriteProfile(profile), client_secret_set: hasSecret, template: profile.template };
  return {
    profile: shown as unknown as ProviderPreview['profile'],
    client_secret: clientSecret,
    current: current === null ? null : toProviderAnswer(current),
  };
}

export function toMetadataAnswer(providers: readonly Provider[]): ProviderMetadata {
  return toProviderMetadata(providers) as ProviderMetadata;
}
