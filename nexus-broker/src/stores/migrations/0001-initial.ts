import { sql } from 'kysely';
import { createIndexes, createTable } from './create-table.js';
import type { Migration, MigrationContext } from './migration.js';

export const initialMigration: Migration = {
  name: '0001-initial',
  async up(context) {
    await createProvider(context);
    await createConnection(context);
    await createFlow(context);
    await createKeys(context);
    await createReturnOrigin(context);
    await createAuditEvent(context);
  },
};

async function createProvider(context: MigrationContext): Promise<void> {
  await createTable(context, 'provider', {
    text: ['provider_id', 'name', 'auth_type', 'profile', 'created_at', 'updated_at', 'deleted_at?'],
    integer: ['version'],
    bytes: ['sealed_secrets?'],
  });
  // The name of a deleted provider may be used again.
  await context.schema
    .createIndex('provider_live_name')
    .unique()
    .on('provider')
    .column('name')
    .where(sql.ref('deleted_at'), 'is', null)
    .execute();
}

async function createConnection(context: MigrationContext): Promise<void> {
  const integer = ['version', 'parent_version?', 'access_expires_at?', 'refresh_after?', 'has_refresh_token'];
  const text = ['connection_ref', 'id_hash', 'workspace_id', 'provider_id', 'status', 'reason?', 'pending_until?'];
  text.push('requested_scopes', 'granted_scopes?', 'account_subject?', 'account_label?', 'metadata', 'requested_by?');
  text.push('issued_origin', 'refresh_fingerprint?', 'lease_owner?', 'lease_until?', 'intent_id?', 'intent_started?');
  text.push('next_attempt_at?', 'last_ok_at?', 'last_read_at?', 'last_refresh_at?');
  text.push('created_at', 'updated_at', 'revoked_at?');
  await createTable(
    context,
    'connection',
    { text, integer: [...integer, 'lease_epoch', 'fail_count'], bytes: ['sealed_credential?'] },
    (builder) =>
      builder.addForeignKeyConstraint('connection_provider', ['provider_id'] as never, 'provider', ['provider_id']),
  );
  await createIndexes(context, 'connection', {
    connection_id_hash_unique: ['id_hash'],
    connection_workspace: ['workspace_id', 'provider_id', 'status'],
    connection_provider_status: ['provider_id', 'status'],
    connection_subject: ['provider_id', 'account_subject'],
    connection_requested_by: ['requested_by'],
    connection_pending: ['status', 'pending_until'],
  });
}

async function createFlow(context: MigrationContext): Promise<void> {
  const text = [
    'flow_id',
    'ticket_hash',
    'connection_ref',
    'provider_id',
    'workspace_id',
    'kind',
    'status',
    'completion',
  ];
  text.push('completion_challenge?', 'return_url', 'app_name', 'scopes', 'login_hint?', 'expected_subject?');
  text.push(
    'account_label?',
    'requested_by?',
    'source',
    'cookie_hash?',
    'state_hash?',
    'redirect_uri?',
    'handle_hash?',
  );
  text.push('handle_expires_at?', 'created_at', 'expires_at');
  await createTable(
    context,
    'flow',
    { text, integer: ['is_reconnect', 'refusals'], bytes: ['sealed_secrets?', 'sealed_result?'] },
    (builder) =>
      builder.addForeignKeyConstraint(
        'flow_connection',
        ['connection_ref'] as never,
        'connection',
        ['connection_ref'],
        (constraint) => constraint.onDelete('cascade'),
      ),
  );
  // Unique indexes of both databases let any number of nulls pass.
  await createIndexes(context, 'flow', {
    flow_ticket_hash_unique: ['ticket_hash'],
    flow_state_hash_unique: ['state_hash'],
    flow_handle_hash_unique: ['handle_hash'],
    flow_connection_ref: ['connection_ref'],
    flow_source: ['source', 'status'],
    flow_status: ['status', 'expires_at'],
  });
}

async function createKeys(context: MigrationContext): Promise<void> {
  const times = ['created_at', 'expires_at?', 'revoked_at?', 'last_used_at?'];
  await createTable(context, 'api_key', {
    text: ['key_id', 'key_hash', 'role', 'name', 'last_four', 'agent_id?', ...times],
  });
  await createIndexes(context, 'api_key', { api_key_hash_unique: ['key_hash'] });
  await createTable(context, 'key_ring', {
    text: ['purpose', 'state', 'wrapped_by', 'created_at', 'activated_at?', 'retired_at?'],
    integer: ['id', 'alg'],
    bytes: ['wrapped', 'kcv'],
    key: 'id',
  });
}

async function createReturnOrigin(context: MigrationContext): Promise<void> {
  await createTable(context, 'return_origin', {
    text: ['return_origin_id', 'origin', 'path_prefix', 'app_name', 'completion', 'created_at'],
  });
  await createIndexes(context, 'return_origin', { return_origin_unique: ['origin', 'path_prefix'] });
}

async function createAuditEvent(context: MigrationContext): Promise<void> {
  const about = ['actor_id?', 'connection_ref?', 'resource_id?', 'agent_id?', 'workspace_id?'];
  await createTable(context, 'audit_event', {
    text: ['id', 'created_at', 'event_type', 'outcome', ...about, 'entry'],
    integer: ['mac_key'],
    bytes: ['entry_hash', 'mac'],
  });
  // Every disclosure pays for each index here, so the rarer filters scan the range of time they are given.
  await createIndexes(context, 'audit_event', {
    audit_event_time: ['created_at', 'id'],
    audit_event_connection: ['connection_ref', 'created_at', 'id'],
  });
  for (const statement of context.spelling.appendOnly('audit_event')) await context.run(statement);
}
