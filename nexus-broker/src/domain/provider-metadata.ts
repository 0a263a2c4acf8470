import { drawMonogram } from './monogram.js';
import { quirkFields } from './profile-quirks.js';
import { isOauth, type Provider } from './provider.js';

/** What a frontend needs to draw a list of providers: by `auth_type`, then by name; no client data, no endpoints. */
export function toProviderMetadata(providers: readonly Provider[]) {
  const metadata: Record<string, Record<string, ReturnType<typeof describeProvider>>> = {};
  for (const provider of providers) {
    const { authType, name } = provider.profile;
    metadata[authType] = { ...metadata[authType], [name]: describeProvider(provider) };
  }
  return metadata;
}

function describeProvider({ providerId, profile }: Provider) {
  return {
    id: providerId,
    display_name: profile.displayName,
    description: profile.description,
    category: profile.category,
    api_base_url: profile.apiBaseUrl,
    user_info_endpoint: profile.userInfoEndpoint,
    scopes: [...profile.scopes],
    logo_url: profile.logoUrl ?? drawMonogram(profile.displayName),
    docs_url: profile.docsUrl,
    ...(isOauth(profile) || profile.credentialSchema === null
      ? {}
      : { credential_schema: { ...profile.credentialSchema } as Record<string, unknown> }),
    ...(Object.keys(profile.inputs).length === 0 ? {} : { inputs: quirkFields.inputs.write(profile.inputs) }),
  };
}
