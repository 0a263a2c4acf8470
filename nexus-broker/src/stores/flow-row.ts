import type { Insertable, Selectable } from 'kysely';
import type { Flow } from '../domain/authorization-flow.js';
import { decodeFlag, decodeJson, decodeSealed, encodeFlag, encodeJson } from './codecs.js';
import type { FlowTable } from './schema.js';

export function toFlow(row: Selectable<FlowTable>): Flow {
  return {
    flowId: row.flow_id,
    ticketHash: row.ticket_hash,
    connectionRef: row.connection_ref,
    providerId: row.provider_id,
    workspaceId: row.workspace_id,
    kind: row.kind,
    isReconnect: decodeFlag(row.is_reconnect),
    status: row.status,
    completion: row.completion,
    completionChallenge: row.completion_challenge,
    returnUrl: row.return_url,
    appName: row.app_name,
    scopes: decodeJson(row.scopes),
    loginHint: row.login_hint,
    expectedSubject: row.expected_subject,
    accountLabel: row.account_label,
    inputs: decodeJson(row.inputs),
    requestedBy: row.requested_by,
    source: row.source,
    cookieHash: row.cookie_hash,
    stateHash: row.state_hash,
    redirectUri: row.redirect_uri,
    sealedSecrets: decodeSealed(row.sealed_secrets),
    handleHash: row.handle_hash,
    handleExpiresAt: row.handle_expires_at,
    sealedResult: decodeSealed(row.sealed_result),
    refusals: row.refusals,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

/** `expires_at` is the database's to say. */
export function toFlowRow(flow: Flow): Omit<Insertable<FlowTable>, 'expires_at'> {
  return {
    flow_id: flow.flowId,
    ticket_hash: flow.ticketHash,
    connection_ref: flow.connectionRef,
    provider_id: flow.providerId,
    workspace_id: flow.workspaceId,
    kind: flow.kind,
    is_reconnect: encodeFlag(flow.isReconnect),
    status: flow.status,
    completion: flow.completion,
    completion_challenge: flow.completionChallenge,
    return_url: flow.returnUrl,
    app_name: flow.appName,
    scopes: encodeJson(flow.scopes),
    login_hint: flow.loginHint,
    expected_subject: flow.expectedSubject,
    account_label: flow.accountLabel,
    inputs: encodeJson(flow.inputs),
    requested_by: flow.requestedBy,
    source: flow.source,
    cookie_hash: flow.cookieHash,
    state_hash: flow.stateHash,
    redirect_uri: flow.redirectUri,
    sealed_secrets: flow.sealedSecrets,
    handle_hash: flow.handleHash,
    handle_expires_at: flow.handleExpiresAt,
    sealed_result: flow.sealedResult,
    refusals: flow.refusals,
    created_at: flow.createdAt,
  };
}
