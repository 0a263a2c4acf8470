/**
 * Every operation of both services with who may call it, written down by hand beside the contract: a route that is added
 * without a line here fails the tests that read this table.
 */
export type KeyRole = 'admin' | 'operator' | 'auditor' | 'gateway' | 'app' | 'agent';

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** What somebody who may call it is answered here: status, and the error code where there is one. */
  readonly answer: string;
  /**
   * `anyone`: also without a key, but not with the key of a role that has no business there. `everybody`: without a key
   * or with one of any role. `open`: keys are not even read. `session`: the token of that very session. `client`: an
   * agent by HTTP Basic.
   */
  readonly access: readonly KeyRole[] | 'anyone' | 'everybody' | 'open' | 'session' | 'client';
  /** What some keys are answered that may call it and reach something else: other objects, or nothing. */
  readonly differently?: { readonly [key in KeyRole | 'otherAgent']?: string };
}

/** The agent whose session the paths and bodies name; a test registers it and puts the id of a session of its. */
export const matrixAgent = 'matrix-agent';
export const sessionPlaceholder = 'SESSION';

const owners: readonly KeyRole[] = ['admin', 'operator'];
const readers: readonly KeyRole[] = ['admin', 'operator', 'auditor'];
const holders: readonly KeyRole[] = ['admin', 'operator', 'app'];
const sessionHolders: readonly KeyRole[] = ['admin', 'operator', 'app', 'agent'];
const session = { agent_id: matrixAgent, connection_id: 'nxc_unknown', scopes: ['read'] };
const oboSession = { ...session, user_context_token: 'unknown' };
const agentToken = { agent_id: matrixAgent, token: 'unknown' };
const exchange = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:nexus:params:token-type:connection',
  subject_token: 'nxc_unknown',
  scope: 'read',
};
const foreignSession = { app: '404 session_not_found', otherAgent: '404 session_not_found' };
const unknownConnection = { connection_id: 'nxc_unknown' };
const unknownTicket = 'nxt_unknown';
const missing = '404 connection_not_found';
const invalid = '400 invalid_request';
const unfit = '401 invalid_user_context_token';
const unknownWebhook = '404 webhook_not_found';
const request = { workspace_id: 'w', provider_name: 'nobody', return_url: 'http://127.0.0.1:1/return' };

function operation(
  id: string,
  route: string,
  access: Operation['access'],
  answer: string,
  body?: unknown,
  differently: Operation['differently'] = {},
): Operation {
  const [method = '', path = ''] = route.split(' ');
  return { id, method, path, access, answer, differently, ...(body === undefined ? {} : { body }) };
}

export const gatewayOperations: readonly Operation[] = [
  operation('requestConnection', 'POST /v1/request-connection', 'anyone', '404 provider_not_found', request),
  operation('checkConnection', 'GET /v1/check-connection/nxc_unknown', 'anyone', missing),
  operation('getToken', 'GET /v1/token/nxc_unknown', 'anyone', missing),
  operation('refreshConnection', 'POST /v1/refresh/nxc_unknown', 'anyone', missing),
  operation('getCaptureSchema', `GET /v1/capture-schema?state=${unknownTicket}`, 'anyone', '410 flow_expired'),
  operation('captureCredential', 'POST /v1/capture-credential', 'anyone', '410 flow_expired', {
    state: unknownTicket,
    credentials: {},
  }),
  operation('completeConnection', 'POST /v1/complete-connection', 'anyone', '400 completion_refused', {
    handle: unknownTicket,
    code_verifier: 'v',
  }),
  operation(
    'resolveConnection',
    'GET /v1/resolve?workspace_id=w&provider_name=nobody',
    holders,
    '404 provider_not_found',
  ),
  operation('listConnections', 'GET /v1/connections?workspace_id=w', holders, '200'),
  operation('deleteConnection', 'DELETE /v1/connections/nxc_unknown', holders, missing),
  operation('createAgentSession', 'POST /v1/agent-sessions', sessionHolders, missing, session, {
    otherAgent: '403 forbidden',
  }),
  operation('createOboSession', 'POST /v1/agent-sessions/obo', sessionHolders, unfit, oboSession, {
    otherAgent: '403 forbidden',
  }),
  operation('getAgentSession', 'GET /v1/agent-sessions/SESSION', sessionHolders, '200', undefined, foreignSession),
  operation('closeAgentSession', 'DELETE /v1/agent-sessions/SESSION', sessionHolders, '200', undefined, foreignSession),
  operation('getSessionToken', 'GET /v1/agent-sessions/SESSION/token', 'session', '200'),
  operation('exchangeToken', 'POST /v1/oauth/token', 'client', '400 invalid_request', exchange),
  operation('introspectToken', 'POST /v1/oauth/introspect', 'client', '200', { token: 'unknown' }),
  operation('revokeToken', 'POST /v1/oauth/revoke', 'client', '200', { token: 'unknown' }),
  operation('getAuthorizationServerMetadata', 'GET /.well-known/oauth-authorization-server', 'open', '200'),
  operation('listProviders', 'GET /v1/providers', readers, '200'),
  operation('createProvider', 'POST /v1/providers', owners, invalid, {}),
  operation('getProvidersMetadata', 'GET /v1/providers/metadata', 'everybody', '200'),
  operation('getProvider', 'GET /v1/providers/unknown', readers, '404 provider_not_found'),
  operation('updateProvider', 'PATCH /v1/providers/unknown', owners, '404 provider_not_found', {}),
  operation('deleteProvider', 'DELETE /v1/providers/unknown', owners, '404 provider_not_found'),
  operation('getHealth', 'GET /v1/health', 'open', '200'),
  operation('getLiveness', 'GET /healthz', 'open', '200'),
  operation('getReadiness', 'GET /readyz', 'open', '200'),
  operation('showFlowPage', `GET /connect/${unknownTicket}`, 'open', '410'),
  operation('continueFlow', `POST /connect/${unknownTicket}`, 'open', '403'),
  operation('completeAuthorization', 'GET /auth/callback/nobody?state=unknown', 'open', '410'),
  operation('getStylesheet', 'GET /assets/nexus.css', 'open', '200'),
];

export const brokerOperations: readonly Operation[] = [
  operation(
    'requestConnection',
    'POST /internal/v1/connections/request',
    ['gateway'],
    '404 provider_not_found',
    request,
  ),
  operation('checkConnection', 'POST /internal/v1/connections/check', ['gateway'], missing, unknownConnection),
  operation('getToken', 'POST /internal/v1/connections/token', ['gateway'], missing, unknownConnection),
  operation('refreshConnection', 'POST /internal/v1/connections/refresh', ['gateway'], missing, unknownConnection),
  // The Gateway itself is nobody's caller: these need the key of the caller behind it.
  operation('resolveConnection', 'POST /internal/v1/connections/resolve', [], '403 forbidden', {
    workspace_id: 'w',
    provider_name: 'nobody',
  }),
  operation('listConnections', 'POST /internal/v1/connections/list', [], '403 forbidden', {}),
  operation('deleteConnection', 'POST /internal/v1/connections/delete', [], '403 forbidden', { connection: 'x' }),
  operation('completeConnection', 'POST /internal/v1/connections/complete', ['gateway'], '400 completion_refused', {
    handle: unknownTicket,
    code_verifier: 'v',
  }),
  operation('viewFlow', 'POST /internal/v1/flows/view', ['gateway'], '410 flow_expired', { ticket: unknownTicket }),
  operation('continueFlow', 'POST /internal/v1/flows/continue', ['gateway'], '410 flow_expired', {
    ticket: unknownTicket,
    cookies: {},
  }),
  operation('completeAuthorization', 'POST /internal/v1/flows/callback', ['gateway'], invalid, {
    provider_name: 'nobody',
    parameters: [],
    cookies: {},
  }),
  operation('getCaptureSchema', 'POST /internal/v1/flows/capture-schema', ['gateway'], '400 missing_params', {}),
  operation('captureCredential', 'POST /internal/v1/flows/capture', ['gateway'], '410 flow_expired', {
    state: unknownTicket,
    credentials: {},
  }),
  operation('createAgentSession', 'POST /internal/v1/sessions/create', [], '403 forbidden', session),
  operation('createOboSession', 'POST /internal/v1/sessions/obo', [], '403 forbidden', oboSession),
  operation('getAgentSession', 'POST /internal/v1/sessions/view', [], '403 forbidden', { session_id: 'sess_x' }),
  operation('closeAgentSession', 'POST /internal/v1/sessions/close', [], '403 forbidden', { session_id: 'sess_x' }),
  operation('getSessionToken', 'POST /internal/v1/sessions/token', ['gateway'], '401 invalid_session_token', {
    session_id: 'sess_x',
    session_token: 'unknown',
  }),
  operation('introspectToken', 'POST /internal/v1/sessions/introspect', [], '403 forbidden', agentToken),
  operation('revokeToken', 'POST /internal/v1/sessions/revoke', [], '403 forbidden', agentToken),
  operation('getProvidersMetadata', 'POST /internal/v1/providers/metadata', ['gateway'], '200', {}),
  operation('listProviders', 'GET /admin/v1/providers', readers, '200'),
  operation('createProvider', 'POST /admin/v1/providers', owners, invalid, {}),
  operation('previewProvider', 'POST /admin/v1/providers/preview', owners, invalid, {}),
  operation('getProvider', 'GET /admin/v1/providers/unknown', readers, '404 provider_not_found'),
  operation('updateProvider', 'PATCH /admin/v1/providers/unknown', owners, '404 provider_not_found', {}),
  operation('replaceProvider', 'PUT /admin/v1/providers/unknown', owners, '404 provider_not_found', {}),
  operation('deleteProvider', 'DELETE /admin/v1/providers/unknown', owners, '404 provider_not_found'),
  operation('rebindProvider', 'POST /admin/v1/providers/unknown/rebind', ['admin'], '404 provider_not_found', {
    from_origin: 'https://a.example',
    to_origin: 'https://b.example',
  }),
  operation('listAllConnections', 'GET /admin/v1/connections', owners, '200'),
  operation('getAnyConnection', 'GET /admin/v1/connections/unknown', owners, missing),
  operation('deleteAnyConnection', 'DELETE /admin/v1/connections/unknown', owners, missing),
  operation('revokeConnections', 'POST /admin/v1/connections/revoke', owners, invalid, {}),
  operation('createAgent', 'POST /admin/v1/agents', owners, invalid, {}),
  operation('listAgents', 'GET /admin/v1/agents', readers, '200'),
  operation('getAgent', 'GET /admin/v1/agents/unknown', readers, '404 agent_not_found'),
  operation('updateAgent', 'PATCH /admin/v1/agents/unknown', owners, '404 agent_not_found', {}),
  operation('deleteAgent', 'DELETE /admin/v1/agents/unknown', owners, '404 agent_not_found'),
  operation('createAgentKey', 'POST /admin/v1/agents/unknown/keys', owners, '404 agent_not_found'),
  operation('listAgentKeys', 'GET /admin/v1/agents/unknown/keys', readers, '404 agent_not_found'),
  operation('deleteAgentKey', 'DELETE /admin/v1/agents/unknown/keys/unknown', owners, '404 key_not_found'),
  operation('listSessions', 'GET /admin/v1/sessions', owners, '200'),
  operation('closeSessions', 'POST /admin/v1/sessions/close', owners, invalid, {}),
  operation('createIssuer', 'POST /admin/v1/issuers', ['admin'], invalid, {}),
  operation('listIssuers', 'GET /admin/v1/issuers', ['admin'], '200'),
  operation('deleteIssuer', 'DELETE /admin/v1/issuers/unknown', ['admin'], '404 issuer_not_found'),
  operation('createWebhook', 'POST /admin/v1/webhooks', ['admin'], invalid, {}),
  operation('listWebhooks', 'GET /admin/v1/webhooks', ['admin'], '200'),
  operation('getWebhook', 'GET /admin/v1/webhooks/unknown', ['admin'], unknownWebhook),
  operation('updateWebhook', 'PATCH /admin/v1/webhooks/unknown', ['admin'], unknownWebhook, {}),
  operation('deleteWebhook', 'DELETE /admin/v1/webhooks/unknown', ['admin'], unknownWebhook),
  operation('rotateWebhookSecret', 'POST /admin/v1/webhooks/unknown/rotate-secret', ['admin'], unknownWebhook),
  operation('listWebhookDeliveries', 'GET /admin/v1/webhooks/unknown/deliveries', ['admin'], unknownWebhook),
  operation(
    'replayWebhookDelivery',
    'POST /admin/v1/webhooks/unknown/deliveries/unknown/replay',
    ['admin'],
    unknownWebhook,
  ),
  operation('createKey', 'POST /admin/v1/keys', ['admin'], invalid, {}),
  operation('listKeys', 'GET /admin/v1/keys', ['admin'], '200'),
  operation('deleteKey', 'DELETE /admin/v1/keys/unknown', ['admin'], '404 key_not_found'),
  operation('createReturnOrigin', 'POST /admin/v1/return-origins', ['admin'], invalid, {}),
  operation('listReturnOrigins', 'GET /admin/v1/return-origins', ['admin'], '200'),
  operation('deleteReturnOrigin', 'DELETE /admin/v1/return-origins/unknown', ['admin'], '404 return_origin_not_found'),
  operation('getKeyRing', 'GET /admin/v1/vault', ['admin', 'auditor'], '200'),
  operation('listStoredBlobs', 'GET /admin/v1/vault/blobs', ['admin', 'auditor'], '200'),
  operation('addKek', 'POST /admin/v1/vault/keks', ['admin'], invalid, {}),
  operation('promoteKek', 'POST /admin/v1/vault/keks/unknown/promote', ['admin'], '404 kek_not_found'),
  operation('retireKek', 'POST /admin/v1/vault/keks/unknown/retire', ['admin'], '404 kek_not_found'),
  operation('createDataKey', 'POST /admin/v1/vault/keys', ['admin'], invalid, {}),
  operation('promoteDataKey', 'POST /admin/v1/vault/keys/999999/promote', ['admin'], '404 data_key_not_found'),
  operation('retireDataKey', 'POST /admin/v1/vault/keys/999999/retire', ['admin'], '404 data_key_not_found'),
  operation('destroyDataKey', 'POST /admin/v1/vault/keys/999999/destroy', ['admin'], '404 data_key_not_found'),
  operation('compromiseDataKey', 'POST /admin/v1/vault/keys/999999/compromise', ['admin'], '404 data_key_not_found'),
  operation('rotateDataKeys', 'POST /admin/v1/vault/rotate', ['admin'], invalid, { purposes: [] }),
  operation('queryAudit', 'GET /audit', ['admin', 'auditor'], '200'),
  operation('listCheckpoints', 'GET /audit/checkpoints', ['admin', 'auditor'], '200'),
  operation('exportAudit', 'GET /audit/export?from_seq=2&to_seq=1', ['admin', 'auditor'], invalid),
  operation('pruneAudit', 'POST /admin/v1/audit/prune', ['admin'], invalid, {}),
  operation('getStatus', 'GET /admin/v1/status', readers, '200'),
  operation('getMetrics', 'GET /metrics', readers, '404 not_found'),
  operation('getLiveness', 'GET /healthz', 'open', '200'),
  operation('getReadiness', 'GET /readyz', 'open', '200'),
  operation('getHealth', 'GET /health', 'open', '200'),
];
