import type * as Broker from '@nexus/broker-api/connections';
import type * as BrokerSession from '@nexus/broker-api/sessions';
import type { CredentialPayload, RefreshedPayload, SessionCredential } from '../schemas/v1/credential.js';

/** What an OAuth credential may show. A refresh token has no way out even if the Broker sent one by mistake. */
const oauthFields = ['access_token', 'token_type', 'expires_at', 'id_token'] as const;

/** What every disclosure of the Broker says, whatever it adds. */
type CredentialSource = Omit<Broker.CredentialPayload, 'refreshed'>;

function toCredentials(answer: CredentialSource): Record<string, unknown> {
  if (answer.strategy.type !== 'oauth2') return answer.credentials;
  const shown: Record<string, unknown> = {};
  for (const field of oauthFields) {
    if (answer.credentials[field] !== undefined) shown[field] = answer.credentials[field];
  }
  return shown;
}

export function toCredentialPayload(answer: CredentialSource): CredentialPayload {
  return {
    strategy: answer.strategy,
    credentials: toCredentials(answer),
    scope: answer.scope,
    expires_at: answer.expires_at,
    provider: answer.provider,
    provider_name: answer.provider_name,
    connection_ref: answer.connection_ref,
    api_base_url: answer.api_base_url,
  };
}

export function toRefreshedPayload(answer: Broker.CredentialPayload): RefreshedPayload {
  return { ...toCredentialPayload(answer), refreshed: answer.refreshed === true };
}

export function toSessionCredential(answer: BrokerSession.SessionCredential): SessionCredential {
  return { ...toCredentialPayload(answer), narrowed: answer.narrowed };
}
