import type { Insertable, Selectable } from 'kysely';
import type { Connection } from '../domain/connection.js';
import {
  decodeFlag,
  decodeJson,
  decodeNullableJson,
  decodeSealed,
  encodeFlag,
  encodeJson,
  encodeNullableJson,
} from './codecs.js';
import type { ConnectionTable } from './schema.js';

/** The columns a `Connection` is made of; leases and counters stay inside the store. */
export const connectionColumns = [
  'connection_ref',
  'id_hash',
  'workspace_id',
  'provider_id',
  'status',
  'reason',
  'pending_until',
  'version',
  'sealed_credential',
  'requested_scopes',
  'granted_scopes',
  'account_subject',
  'account_label',
  'inputs',
  'account_data',
  'metadata',
  'requested_by',
  'access_expires_at',
  'refresh_after',
  'has_refresh_token',
  'issued_origin',
  'last_refresh_at',
  'created_at',
  'updated_at',
  'revoked_at',
] as const satisfies readonly (keyof ConnectionTable)[];

export type ConnectionRow = Pick<Selectable<ConnectionTable>, (typeof connectionColumns)[number]>;

export function toConnection(row: ConnectionRow): Connection {
  return {
    connectionRef: row.connection_ref,
    idHash: row.id_hash,
    workspaceId: row.workspace_id,
    providerId: row.provider_id,
    status: row.status,
    reason: row.reason,
    pendingUntil: row.pending_until,
    version: row.version,
    sealedCredential: decodeSealed(row.sealed_credential),
    requestedScopes: decodeJson(row.requested_scopes),
    grantedScopes: decodeNullableJson(row.granted_scopes),
    accountSubject: row.account_subject,
    accountLabel: row.account_label,
    inputs: decodeJson(row.inputs),
    accountData: decodeJson(row.account_data),
    metadata: decodeJson(row.metadata),
    requestedBy: row.requested_by,
    accessExpiresAt: row.access_expires_at,
    refreshAfter: row.refresh_after,
    hasRefreshToken: decodeFlag(row.has_refresh_token),
    issuedOrigin: row.issued_origin,
    lastRefreshAt: row.last_refresh_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revokedAt: row.revoked_at,
  };
}

/** `pending_until` is the database's to say. */
export function toConnectionRow(connection: Connection): Omit<Insertable<ConnectionTable>, 'pending_until'> {
  return {
    connection_ref: connection.connectionRef,
    id_hash: connection.idHash,
    workspace_id: connection.workspaceId,
    provider_id: connection.providerId,
    status: connection.status,
    reason: connection.reason,
    version: connection.version,
    parent_version: null,
    sealed_credential: connection.sealedCredential,
    requested_scopes: encodeJson(connection.requestedScopes),
    granted_scopes: encodeNullableJson(connection.grantedScopes),
    account_subject: connection.accountSubject,
    account_label: connection.accountLabel,
    inputs: encodeJson(connection.inputs),
    account_data: encodeJson(connection.accountData),
    metadata: encodeJson(connection.metadata),
    requested_by: connection.requestedBy,
    access_expires_at: connection.accessExpiresAt,
    refresh_after: connection.refreshAfter,
    has_refresh_token: encodeFlag(connection.hasRefreshToken),
    refresh_fingerprint: null,
    issued_origin: connection.issuedOrigin,
    ...noLease,
    lease_epoch: 0,
    fail_count: 0,
    next_attempt_at: null,
    last_call_at: null,
    last_ok_at: null,
    last_read_at: null,
    last_refresh_at: connection.lastRefreshAt,
    created_at: connection.createdAt,
    updated_at: connection.updatedAt,
    revoked_at: connection.revokedAt,
  };
}

/** What a connection holds in the lease columns while nobody refreshes it. */
export const noLease = { lease_owner: null, lease_until: null, intent_id: null, intent_started: null } as const;
