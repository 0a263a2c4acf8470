import type { CredentialPayload } from '@nexus/broker-api/connections';
import type { DisclosedCredential } from '../domain/credential-payload.js';

export function toCredentialPayload(disclosed: DisclosedCredential): CredentialPayload {
  return {
    strategy: disclosed.strategy,
    credentials: disclosed.credentials,
    scope: disclosed.scope,
    expires_at: disclosed.expiresAt,
    provider: disclosed.providerName,
    provider_name: disclosed.providerName,
    connection_ref: disclosed.connectionRef,
    api_base_url: disclosed.apiBaseUrl,
  };
}
