import { createHash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '@nexus/core/canonical-json';
import type { Instant } from '@nexus/core/clock';

/** Every event type there is, with the only data fields its entries may carry: an allow list, so no secret slips in. */
export const auditEvents = {
  'connection.requested': ['scopes', 'completion', 'reconnect', 'count'],
  'connection.opened': ['flow_id'],
  'connection.binding_failed': ['flow_id', 'cause'],
  'connection.activated': ['scopes', 'version', 'excess_scopes', 'missing_scopes'],
  'connection.failed': ['reason', 'upstream_error', 'upstream_status', 'detail', 'provider_revoked'],
  'connection.attention': ['reason', 'upstream_error', 'upstream_status', 'intent_id'],
  'connection.reconnected': ['scopes', 'version', 'excess_scopes', 'missing_scopes'],
  'connection.revoked': ['reason', 'provider_revoked', 'provider_revocation_error', 'sessions_closed'],
  'credential.captured': ['fields', 'version'],
  'credential.capture_refused': ['cause', 'refusals'],
  'token.retrieved': [
    'strategy',
    'version',
    'expires_at',
    'route',
    'scopes',
    'narrowed',
    'wider_scopes',
    'opened_by',
    'tenant_id',
  ],
  'token.retrieval_failed': ['code', 'count', 'route', 'scopes', 'opened_by', 'tenant_id'],
  'token.refreshed': ['version', 'expires_at', 'rotated', 'scopes', 'intent_id'],
  'token.refresh_failed': ['class', 'upstream_error', 'upstream_status', 'provider_revoked', 'intent_id'],
  'token.refresh_in_doubt': ['cause', 'upstream_status', 'intent_id'],
  'token.refresh_sibling': ['version', 'provider_revoked', 'intent_id'],
  'token.narrowed': ['scopes', 'via', 'expires_at', 'version', 'upstream_error', 'upstream_status', 'intent_id'],
  'session.created': [
    'scopes',
    'expires_at',
    'obo',
    'sub',
    'act',
    'tenant_id',
    'clearance_level',
    'user_token_expires_at',
    'route',
  ],
  'session.refused': ['code', 'cause', 'scopes', 'obo', 'sub', 'tenant_id', 'opened_by', 'route', 'count'],
  'session.closed': ['reason', 'opened_by', 'obo', 'tenant_id', 'scopes'],
  'session.token_stored': ['version'],
  'session.token_damaged': ['version'],
  'session.expired': ['opened_by', 'obo', 'tenant_id', 'scopes'],
  'agent.registered': ['allowed_scopes', 'allowed_providers'],
  'agent.updated': ['fields', 'allowed_scopes', 'allowed_providers', 'active', 'sessions_closed'],
  'agent.deregistered': ['keys_revoked', 'sessions_closed'],
  'issuer.created': ['issuer_id', 'issuer', 'audience', 'algorithms', 'workspace_from', 'workspace_prefix'],
  'issuer.deleted': ['issuer_id', 'issuer', 'sessions_closed'],
  'provider.created': ['provider_id', 'fields'],
  'provider.updated': ['provider_id', 'fields'],
  'provider.deleted': ['provider_id', 'connections', 'force'],
  'provider.rebound': ['provider_id', 'from_origin', 'to_origin', 'connections'],
  'key.created': ['key_id', 'role', 'name', 'expires_at'],
  'key.revoked': ['key_id', 'role', 'name', 'sessions_closed'],
  'return_origin.created': ['return_origin_id', 'origin', 'completion', 'path_prefix', 'app_name'],
  'return_origin.deleted': ['return_origin_id', 'origin'],
  'webhook.created': ['webhook_id', 'change', 'origin', 'events', 'active', 'version', 'previous_ends_at'],
  'webhook.deleted': ['webhook_id', 'origin'],
  'webhook.failed': ['webhook_id', 'delivery_id', 'event', 'attempts', 'upstream_status', 'error', 'deactivated'],
  'auth.failed': ['code', 'count'],
  'auth.forbidden': ['role', 'operation'],
  'vault.key_added': ['key_id', 'purpose', 'kek_id', 'public_key'],
  'vault.promoted': ['key_id', 'purpose', 'kek_id', 'replaced', 'rewrapped'],
  'vault.retired': ['key_id', 'purpose', 'kek_id'],
  'vault.compromised': ['key_id', 'purpose', 'successor'],
  'vault.destroyed': ['key_id', 'purpose'],
  'vault.resealed': ['from_key', 'to_key', 'table', 'column', 'rows', 'failed'],
  'audit.exported': ['from_seq', 'to_seq'],
  'audit.pruned': ['from_seq', 'to_seq', 'count', 'archive_sha256'],
  'backup.taken': ['sha256', 'size', 'head', 'database'],
  'backup.restored': ['sha256', 'size', 'head', 'created_at', 'damage_codes', 'damage_count'],
  'backup.rollback_accepted': ['size', 'head', 'abandoned_size', 'abandoned_head', 'damage_codes', 'damage_count'],
  'service.started': ['version', 'database', 'environment', 'checkpoints_lost', 'checkpoints_forged'],
  'service.stopped': ['signal'],
} as const satisfies Record<string, readonly string[]>;

export type AuditEventType = keyof typeof auditEvents;
export type AuditOutcome = 'success' | 'failure' | 'refused';

export interface AuditActor {
  /** `session`: somebody holding a session's token; `id` is the session's. */
  readonly type: 'key' | 'session' | 'anonymous' | 'system';
  readonly id: string | null;
  readonly keyHint: string | null;
}

/** The stored blob a change wrote, so that a row restored from an older backup can be found. */
export interface StoreWitness {
  readonly table: string;
  readonly row: string;
  readonly version: number;
  /** Null where the change erased what was sealed. */
  readonly blobSha256: string | null;
}

/** What happened, as the service that did it tells it. */
export interface AuditEvent<T extends AuditEventType = AuditEventType> {
  readonly eventType: T;
  readonly outcome: AuditOutcome;
  readonly connectionRef?: string;
  readonly providerName?: string;
  readonly workspaceId?: string;
  /** What the event is about when it is not a connection: a provider, key or return origin id. */
  readonly resourceId?: string;
  readonly agentId?: string;
  readonly sessionId?: string;
  readonly actingFor?: string;
  readonly data?: { readonly [K in (typeof auditEvents)[T][number]]?: JsonValue };
  readonly store?: StoreWitness;
}

/** Who asked and from where. */
export interface AuditOrigin {
  readonly requestId: string;
  readonly actor: AuditActor;
  readonly callerIp: string | null;
  readonly userAgent: string | null;
}

/** An entry as stored. `entry` is the canonical JSON that `entryHash` covers. */
export interface AuditEntry {
  readonly id: string;
  readonly createdAt: Instant;
  readonly eventType: AuditEventType;
  readonly outcome: AuditOutcome;
  readonly actorId: string | null;
  readonly connectionRef: string | null;
  readonly resourceId: string | null;
  readonly agentId: string | null;
  readonly workspaceId: string | null;
  readonly entry: string;
  readonly entryHash: Uint8Array;
  readonly mac: Uint8Array;
  /** Id of the audit key that made `mac`. */
  readonly macKey: number;
}

interface EntryStamp {
  readonly id: string;
  readonly createdAt: Instant;
  readonly mac: (entryHash: Uint8Array) => { readonly mac: Uint8Array; readonly keyId: number };
}

/** Builds the entry in its final format: canonical JSON (RFC 8785), its SHA-256, and the audit key's HMAC of that. */
export function createAuditEntry(event: AuditEvent, origin: AuditOrigin, stamp: EntryStamp): AuditEntry {
  const allowed: readonly string[] = auditEvents[event.eventType];
  const data: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(event.data ?? {})) {
    if (allowed.includes(name) && value !== undefined) data[name] = value as JsonValue;
  }
  const entry = canonicalJson({
    v: 2,
    id: stamp.id,
    created_at: stamp.createdAt,
    request_id: origin.requestId,
    event_type: event.eventType,
    outcome: event.outcome,
    actor: { type: origin.actor.type, id: origin.actor.id, key_hint: origin.actor.keyHint },
    ...optional('acting_for', event.actingFor),
    ...optional('agent_id', event.agentId),
    ...optional('session_id', event.sessionId),
    ...optional('connection_ref', event.connectionRef),
    ...optional('provider_name', event.providerName),
    ...optional('workspace_id', event.workspaceId),
    ...optional('resource_id', event.resourceId),
    caller_ip: origin.callerIp,
    user_agent: origin.userAgent,
    data,
    ...(event.store === undefined
      ? {}
      : {
          store: {
            table: event.store.table,
            row: event.store.row,
            version: event.store.version,
            blob_sha256: event.store.blobSha256,
          },
        }),
  });
  const entryHash = createHash('sha256').update(entry, 'utf8').digest();
  const { mac, keyId } = stamp.mac(entryHash);
  return {
    id: stamp.id,
    createdAt: stamp.createdAt,
    eventType: event.eventType,
    outcome: event.outcome,
    actorId: origin.actor.id,
    connectionRef: event.connectionRef ?? null,
    resourceId: event.resourceId ?? event.connectionRef ?? null,
    agentId: event.agentId ?? null,
    workspaceId: event.workspaceId ?? null,
    entry,
    entryHash,
    mac,
    macKey: keyId,
  };
}

function optional(name: string, value: string | undefined): Record<string, JsonValue> {
  return value === undefined ? {} : { [name]: value };
}
