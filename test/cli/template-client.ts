import type { Template } from '@nexus/catalogue/templates';

/** What whoever registers a template brings along: the client of an OAuth provider. */
export function describeClient({ authType, profile }: Template): Readonly<Record<string, string>> {
  if (authType !== 'oauth2') return {};
  const isPublic = profile['token_endpoint_auth_method'] === 'none';
  return { client_id: 'nexus', ...(isPublic ? {} : { client_secret: 'fixture-client-secret' }) };
}
