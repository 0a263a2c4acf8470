/** Broker profiles to v1: named fields only, so no internal or secret field becomes public by itself. */
import type * as Broker from '@nexus/broker-api/providers';
import type { Provider, ProviderCard, ProviderDeleted, ProviderMetadata } from '../schemas/v1/provider.js';

export function toProvider(profile: Broker.ProviderProfile): Provider {
  return {
    id: profile.id,
    name: profile.name,
    display_name: profile.display_name,
    description: profile.description,
    category: profile.category,
    logo_url: profile.logo_url,
    docs_url: profile.docs_url,
    auth_type: profile.auth_type,
    client_id: profile.client_id,
    client_secret_set: profile.client_secret_set,
    issuer: profile.issuer,
    enable_discovery: profile.enable_discovery,
    auth_url: profile.auth_url,
    token_url: profile.token_url,
    refresh_url: profile.refresh_url,
    user_info_endpoint: profile.user_info_endpoint,
    revocation_endpoint: profile.revocation_endpoint,
    introspection_endpoint: profile.introspection_endpoint,
    scopes: profile.scopes,
    scope_separator: profile.scope_separator,
    scope_param: profile.scope_param,
    pkce: profile.pkce,
    token_endpoint_auth_method: profile.token_endpoint_auth_method,
    api_base_url: profile.api_base_url,
    allowed_origins: profile.allowed_origins,
    inputs: profile.inputs,
    credential_schema: profile.credential_schema,
    auth_strategy: profile.auth_strategy,
    probe: profile.probe,
    params: profile.params,
    param_names: profile.param_names,
    iss_expected: profile.iss_expected,
    token_request: profile.token_request,
    upgrade: profile.upgrade,
    token_answer: profile.token_answer,
    revoke: profile.revoke,
    account: profile.account,
    downscope: profile.downscope,
    refresh: profile.refresh,
    errors: profile.errors,
    retry_headers: profile.retry_headers,
    allow_wider_token: profile.allow_wider_token,
    expose_id_token: profile.expose_id_token,
    template: profile.template,
    created_at: profile.created_at,
    updated_at: profile.updated_at,
  };
}

export function toProviderDeleted(answer: Broker.ProviderDeleted): ProviderDeleted {
  return { id: answer.id, deleted: answer.deleted, connections: answer.connections };
}

type BrokerCard = Broker.ProviderMetadata[string][string];

function toProviderCard(card: BrokerCard): ProviderCard {
  return {
    id: card.id,
    display_name: card.display_name,
    description: card.description,
    category: card.category,
    api_base_url: card.api_base_url,
    user_info_endpoint: card.user_info_endpoint,
    scopes: card.scopes,
    logo_url: card.logo_url,
    docs_url: card.docs_url,
    ...(card.credential_schema === undefined ? {} : { credential_schema: card.credential_schema }),
    ...(card.inputs === undefined ? {} : { inputs: card.inputs }),
  };
}

export function toProviderMetadata(answer: Broker.ProviderMetadata): ProviderMetadata {
  const groups = Object.entries(answer).map(([authType, group]): [string, Record<string, ProviderCard>] => [
    authType,
    Object.fromEntries(Object.entries(group).map(([name, card]) => [name, toProviderCard(card)])),
  ]);
  return Object.fromEntries(groups);
}
