/** Answers of the Broker as its wire schemas promise them, for tests to vary. */
import type {
  ConnectionRequested,
  ConnectionState,
  ConnectionSummary,
  CredentialPayload,
} from '@nexus/broker-api/connections';
import type { FlowView } from '@nexus/broker-api/flows';
import type { ProviderProfile } from '@nexus/broker-api/providers';
import type { SessionIntrospection, SessionOpened, SessionState } from '@nexus/broker-api/sessions';
import { createToken } from '@nexus/core/tokens';

export const connectionRef = '01JA5M3N7Q0V8X2Y4Z6B8D0F2H';

export function requestedFixture(): ConnectionRequested {
  const state = createToken('nxt');
  return {
    connection_id: createToken('nxc'),
    connection_ref: connectionRef,
    auth_url: `https://connect.example.com/connect/${state}`,
    state,
    provider_id: 'p1',
    provider_name: 'acme',
    scopes: ['openid'],
    expires_at: '2026-05-01T12:10:00.000Z',
  };
}

export function stateFixture(): ConnectionState {
  return {
    status: 'active',
    connection_ref: connectionRef,
    provider_name: 'acme',
    scopes: ['openid'],
    account: { subject: 's', label: 'jane@example.com' },
    reason: null,
    updated_at: '2026-05-01T12:01:07.000Z',
  };
}

export function payloadFixture(): CredentialPayload {
  return {
    strategy: { type: 'oauth2' },
    credentials: { access_token: 'fixture-access-token', token_type: 'Bearer', expires_at: 1715000000 },
    scope: 'openid',
    expires_at: 1715000000,
    provider: 'acme',
    provider_name: 'acme',
    connection_ref: connectionRef,
    api_base_url: 'https://api.acme.example',
  };
}

export function summaryFixture(): ConnectionSummary {
  return {
    connection_ref: connectionRef,
    workspace_id: 'w1',
    provider_id: 'p1',
    provider_name: 'acme',
    status: 'active',
    reason: null,
    scopes: ['openid'],
    account: null,
    requested_by: 'k1',
    expires_at: 1715000000,
    created_at: '2026-05-01T12:00:00.000Z',
    updated_at: '2026-05-01T12:01:07.000Z',
    revoked_at: null,
    metadata: { internal: true },
  };
}

export function profileFixture(id = 'p1'): ProviderProfile {
  return {
    id,
    name: `acme-${id}`,
    display_name: 'Acme',
    description: null,
    category: null,
    logo_url: null,
    docs_url: null,
    auth_type: 'oauth2',
    client_id: 'nexus',
    client_secret_set: true,
    issuer: 'https://login.acme.example',
    enable_discovery: true,
    auth_url: null,
    token_url: null,
    refresh_url: null,
    user_info_endpoint: null,
    revocation_endpoint: null,
    introspection_endpoint: null,
    scopes: ['openid'],
    scope_separator: ' ',
    scope_param: 'scope',
    pkce: 'required',
    token_endpoint_auth_method: 'client_secret_basic',
    api_base_url: null,
    allowed_origins: [],
    inputs: {},
    credential_schema: null,
    auth_strategy: { type: 'oauth2' },
    probe: null,
    params: {},
    param_names: {},
    iss_expected: false,
    token_request: {},
    upgrade: null,
    token_answer: {},
    retry_headers: [],
    revoke: {},
    account: {},
    downscope: null,
    refresh: { rotation: null, grace_seconds: null, idle_lifetime: null, concurrency: 8, calls_per_second: 20 },
    errors: {},
    allow_wider_token: false,
    expose_id_token: false,
    template: null,
    version: 3,
    created_at: '2026-05-01T12:00:00.000Z',
    updated_at: '2026-05-01T12:00:00.000Z',
  };
}

export function oauthViewFixture(): FlowView {
  return {
    kind: 'oauth',
    app_name: 'Ledger',
    provider_name: 'acme',
    provider_display_name: 'Acme',
    provider_host: null,
    account_label: 'Invoices',
    scopes: ['openid', 'email'],
    completion: 'confirm',
    expires_at: '2026-05-01T12:10:00.000Z',
    return_origin: 'https://app.example',
    schema: null,
    docs_url: null,
  };
}

export function staticViewFixture(): FlowView {
  return {
    ...oauthViewFixture(),
    kind: 'static',
    scopes: [],
    docs_url: 'https://docs.acme.example/keys',
    schema: {
      type: 'object',
      properties: {
        account: { type: 'string', title: 'Account name', description: 'As it stands in your profile.' },
        region: { type: 'string', title: 'Region', enum: ['eu', 'us'], default: 'eu' },
        api_key: { type: 'string', title: 'API key', format: 'password', maxLength: 80 },
      },
      required: ['account', 'api_key'],
    },
  };
}

export const sessionId = `sess_${connectionRef}`;

export function openedFixture(): SessionOpened {
  return {
    session_id: sessionId,
    agent_id: 'invoice-reader',
    connection_ref: connectionRef,
    access_token: createToken('nxs'),
    token_type: 'session',
    scopes_granted: ['openid', 'email'],
    expires_at: '2026-05-01T12:15:00.000Z',
    active: true,
    obo: false,
  };
}

/** What a session for a user says of that user. */
export const delegation = { acting_for: 'user-42', tenant_id: null, clearance_level: 0 };

export function sessionFixture(): SessionState {
  return {
    session_id: sessionId,
    agent_id: 'invoice-reader',
    connection_ref: connectionRef,
    scopes_granted: ['openid', 'email'],
    created_at: '2026-05-01T12:00:00.000Z',
    expires_at: '2026-05-01T12:15:00.000Z',
    active: true,
    closed_at: null,
    obo: false,
  };
}

export function introspectionFixture(): SessionIntrospection {
  return {
    active: true,
    session_id: sessionId,
    agent_id: 'invoice-reader',
    connection_ref: connectionRef,
    scopes: ['openid', 'email'],
    issued_at: 1777636800,
    expires_at: 1777637700,
  };
}
