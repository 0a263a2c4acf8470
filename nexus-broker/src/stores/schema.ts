/** The tables as Kysely sees them. Sealed columns accept sealed bytes only: plaintext has no way in. */

import type { JsonValue } from '@nexus/core/canonical-json';
import type { Instant } from '@nexus/core/clock';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import type { SessionEnd } from '../domain/agent-session.js';
import type { Role } from '../domain/api-key.js';
import type { AuditEventType, AuditOutcome } from '../domain/audit-event.js';
import type { CompletionMode, FlowStatus } from '../domain/authorization-flow.js';
import type { AttentionReason, ConnectionStatus, FailedReason } from '../domain/connection.js';
import type { PlaceValues } from '../domain/placeholders.js';
import type { Probe, Quirks, RefreshPolicy, RevokeRecipe } from '../domain/profile-quirks.js';
import type { AuthType, ProviderProfile } from '../domain/provider.js';
import type { UserTokenAlgorithm } from '../domain/user-issuer.js';
import type { Flag, JsonText, Sealed } from './codecs.js';
import type { WebhookDeliveryTable, WebhookTable } from './webhook-schema.js';

/** What profiles stored by earlier releases may lack. */
type LaterFields = 'downscope' | 'errors' | 'refreshUrl' | 'introspectionEndpoint' | 'template' | keyof Quirks;

/** A profile as a row holds it: blocks that were stored whole lack what a later release added to them. */
type StoredProfile = Omit<ProviderProfile, LaterFields> &
  Partial<Omit<Pick<ProviderProfile, LaterFields>, 'refresh' | 'probe'>> & {
    readonly refresh?: Partial<RefreshPolicy>;
    readonly probe?: (Pick<Probe, 'method' | 'path'> & Partial<Probe>) | null;
    /** What `revoke.kills` was called before there were recipes. */
    readonly revocationKills?: RevokeRecipe['kills'];
  };

export interface ProviderTable {
  provider_id: string;
  version: number;
  /** Lower case; unique among the rows that are not deleted. */
  name: string;
  auth_type: AuthType;
  profile: JsonText<StoredProfile>;
  sealed_secrets: Sealed;
  created_at: Instant;
  updated_at: Instant;
  deleted_at: Instant | null;
}

export interface ConnectionTable {
  connection_ref: string;
  id_hash: string;
  workspace_id: string;
  provider_id: string;
  status: ConnectionStatus;
  reason: AttentionReason | FailedReason | null;
  pending_until: Instant | null;
  version: number;
  parent_version: number | null;
  sealed_credential: Sealed;
  requested_scopes: JsonText<readonly string[]>;
  granted_scopes: JsonText<readonly string[]> | null;
  account_subject: string | null;
  account_label: string | null;
  /** What the person gave for the provider's placeholders, and what the provider told once; objects of texts. */
  inputs: JsonText<PlaceValues>;
  account_data: JsonText<PlaceValues>;
  metadata: JsonText<JsonValue>;
  requested_by: string | null;
  access_expires_at: number | null;
  refresh_after: number | null;
  has_refresh_token: Flag;
  refresh_fingerprint: string | null;
  issued_origin: string;
  lease_owner: string | null;
  /** Counts the leases ever given. */
  lease_epoch: number;
  /** By the database's clock, as are `intent_started` and `next_attempt_at`. */
  lease_until: Instant | null;
  intent_id: string | null;
  intent_started: Instant | null;
  fail_count: number;
  next_attempt_at: Instant | null;
  /** When the refresh token was last shown to the provider, as far as this Broker's claims tell; database time. */
  last_call_at: Instant | null;
  last_ok_at: Instant | null;
  last_read_at: Instant | null;
  last_refresh_at: Instant | null;
  created_at: Instant;
  updated_at: Instant;
  revoked_at: Instant | null;
}

export interface FlowTable {
  flow_id: string;
  ticket_hash: string;
  connection_ref: string;
  provider_id: string;
  workspace_id: string;
  kind: 'oauth' | 'static';
  is_reconnect: Flag;
  status: FlowStatus;
  completion: CompletionMode;
  completion_challenge: string | null;
  return_url: string;
  app_name: string;
  scopes: JsonText<readonly string[]>;
  login_hint: string | null;
  expected_subject: string | null;
  account_label: string | null;
  inputs: JsonText<PlaceValues>;
  requested_by: string | null;
  source: string;
  cookie_hash: string | null;
  state_hash: string | null;
  redirect_uri: string | null;
  sealed_secrets: Sealed;
  handle_hash: string | null;
  handle_expires_at: Instant | null;
  sealed_result: Sealed;
  refusals: number;
  created_at: Instant;
  expires_at: Instant;
}

export interface ApiKeyTable {
  key_id: string;
  key_hash: string;
  role: Role;
  name: string;
  last_four: string;
  agent_id: string | null;
  created_at: Instant;
  expires_at: Instant | null;
  revoked_at: Instant | null;
  last_used_at: Instant | null;
}

export interface ReturnOriginTable {
  return_origin_id: string;
  origin: string;
  /** `''` stands for none, because unique indexes treat nulls as different from each other. */
  path_prefix: string;
  app_name: string;
  completion: CompletionMode;
  created_at: Instant;
}

export interface AuditEventTable {
  id: string;
  created_at: Instant;
  event_type: AuditEventType;
  outcome: AuditOutcome;
  actor_id: string | null;
  connection_ref: string | null;
  resource_id: string | null;
  agent_id: string | null;
  workspace_id: string | null;
  entry: string;
  entry_hash: Uint8Array;
  mac: Uint8Array;
  mac_key: number;
}

export interface KeyRingTable {
  id: number;
  purpose: KeyRingRow['purpose'];
  state: KeyRingRow['state'];
  alg: KeyRingRow['alg'];
  wrapped_by: string;
  wrapped: Uint8Array;
  kcv: Uint8Array;
  created_at: Instant;
  activated_at: Instant | null;
  retired_at: Instant | null;
}

export interface AgentTable {
  agent_id: string;
  display_name: string | null;
  description: string;
  allowed_scopes: JsonText<readonly string[]>;
  allowed_providers: JsonText<readonly string[]> | null;
  metadata: JsonText<JsonValue>;
  active: Flag;
  created_at: Instant;
  updated_at: Instant;
}

export interface AgentSessionTable {
  session_id: string;
  token_hash: string;
  agent_id: string;
  opened_by: string;
  connection_ref: string;
  provider_id: string;
  workspace_id: string;
  scopes: JsonText<readonly string[]>;
  user_issuer: string | null;
  user_subject: string | null;
  user_tenant: string | null;
  user_clearance: number | null;
  created_at: Instant;
  expires_at: Instant;
  closed_at: Instant | null;
  end_reason: SessionEnd | null;
  sealed_token: Sealed;
  token_version: number;
  token_origin: string;
}

export interface UserIssuerTable {
  issuer_id: string;
  issuer: string;
  jwks_uri: string | null;
  audience: string;
  algorithms: JsonText<readonly UserTokenAlgorithm[]>;
  scope_claim: string | null;
  tenant_claim: string;
  clearance_claim: string;
  workspace_from: 'sub' | 'tenant';
  workspace_prefix: string;
  max_lifetime_seconds: number;
  created_at: Instant;
}

export interface UsedUserTokenTable {
  replay_key: string;
  expires_at: Instant;
}

/** The order of the log: one row an entry, each hash over the one before. */
export interface AuditChainTable {
  seq: number;
  event_id: string;
  prev_hash: Uint8Array;
  hash: Uint8Array;
}

export interface AuditCheckpointTable {
  /** The sequence number of the last entry it covers. */
  size: number;
  created_at: Instant;
  /** The signed note. */
  note: string;
  /** The data key of purpose `checkpoint` that signed it. */
  key_id: number;
}

export interface KekTable {
  kek_id: string;
  state: 'added' | 'primary' | 'decrypt-only' | 'retired';
  added_at: Instant;
  promoted_at: Instant | null;
  retired_at: Instant | null;
  /** A random key wrapped by this KEK, and its check value: who unwraps it holds the same KEK. */
  probe: Uint8Array;
  probe_kcv: Uint8Array;
}

/** A Broker that is, or was, at work on this database; times by the database's clock. */
export interface BrokerInstanceTable {
  instance_id: string;
  version: string;
  started_at: Instant;
  seen_at: Instant;
  /** Ids of the KEKs it proved to hold. */
  keks: JsonText<readonly string[]>;
  /** The data key it seals with, by purpose. */
  sealing_keys: JsonText<Readonly<Record<string, number>>>;
}

export interface ResealingTable {
  /** `key id/table.column`. */
  resealing_id: string;
  key_id: number;
  target: string;
  /** The last row looked at. */
  cursor: string;
  resealed: number;
  failed: number;
  started_at: Instant;
  updated_at: Instant;
  finished_at: Instant | null;
}

/** Work that one Broker does for all; by the database's clock. */
export interface JobLeaseTable {
  name: string;
  owner: string | null;
  until: Instant | null;
}

/** How often something may be asked: the origin of a token endpoint, or a provider. Times are the database's. */
export interface CallPaceTable {
  pace_key: string;
  /** Since when the breaker is open; null while it is closed. */
  opened_at: Instant | null;
  /** When it closed last: the allowed rate grows from then on. */
  closed_at: Instant | null;
  /** From when one call may try whether it can be closed. */
  probe_after: Instant | null;
  /** The earliest moment of the next call at the allowed rate. */
  next_call_at: Instant | null;
  /** Transient failures in a row. */
  failures: number;
  window_calls: number;
  window_failures: number;
  /** The version of a provider's profile that its authorization server refuses as a client. */
  stopped_version: number | null;
  /** Profile version and connection of the last call that was refused or throttled, until another one is served. */
  suspect: string | null;
  updated_at: Instant;
}

export interface MigrationTable {
  name: string;
  applied_at: Instant;
}

export interface MigrationLockTable {
  lock_id: number;
  owner: string | null;
  until: Instant | null;
}

export interface Schema {
  provider: ProviderTable;
  connection: ConnectionTable;
  flow: FlowTable;
  api_key: ApiKeyTable;
  return_origin: ReturnOriginTable;
  agent: AgentTable;
  agent_session: AgentSessionTable;
  user_issuer: UserIssuerTable;
  used_user_token: UsedUserTokenTable;
  audit_event: AuditEventTable;
  key_ring: KeyRingTable;
  audit_chain: AuditChainTable;
  audit_checkpoint: AuditCheckpointTable;
  kek: KekTable;
  broker_instance: BrokerInstanceTable;
  resealing: ResealingTable;
  job_lease: JobLeaseTable;
  call_pace: CallPaceTable;
  webhook: WebhookTable;
  webhook_delivery: WebhookDeliveryTable;
  migration: MigrationTable;
  migration_lock: MigrationLockTable;
}
