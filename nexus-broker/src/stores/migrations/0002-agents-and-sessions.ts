import { sql } from 'kysely';
import { createIndexes, createTable } from './create-table.js';
import type { Migration, MigrationContext } from './migration.js';

export const agentsMigration: Migration = {
  name: '0002-agents-and-sessions',
  async up(context) {
    await createTable(context, 'agent', {
      text: ['agent_id', 'display_name?', 'description', 'allowed_scopes', 'allowed_providers?', 'metadata', ...times],
      integer: ['active'],
    });
    await createSession(context);
    await createUserIssuer(context);
    await createTable(context, 'used_user_token', { text: ['replay_key', 'expires_at'] });
    await createIndexes(context, 'used_user_token', { used_user_token_expiry: ['expires_at'] });
    await createIndexes(context, 'api_key', { api_key_agent: ['agent_id'] });
  },
};

const times = ['created_at', 'updated_at'];

async function createSession(context: MigrationContext): Promise<void> {
  const text = ['session_id', 'token_hash', 'agent_id', 'opened_by', 'connection_ref', 'provider_id', 'workspace_id'];
  text.push(
    'scopes',
    'user_issuer?',
    'user_subject?',
    'user_tenant?',
    'created_at',
    'expires_at',
    'closed_at?',
    'end_reason?',
  );
  text.push('token_origin');
  await createTable(context, 'agent_session', {
    text,
    integer: ['user_clearance?', 'token_version'],
    bytes: ['sealed_token?'],
  });
  await createIndexes(context, 'agent_session', {
    agent_session_token_hash_unique: ['token_hash'],
    agent_session_agent: ['agent_id', 'closed_at'],
    agent_session_connection: ['connection_ref', 'closed_at'],
    agent_session_opened_by: ['opened_by', 'closed_at'],
    agent_session_user: ['user_issuer', 'user_subject'],
    agent_session_expiry: ['closed_at', 'expires_at'],
  });
  // Few sessions hold a token of their own, and those that are over must be found without looking at all that ever were.
  await context.schema
    .createIndex('agent_session_sealed_token')
    .on('agent_session')
    .column('session_id')
    .where(sql.ref('sealed_token'), 'is not', null)
    .execute();
}

async function createUserIssuer(context: MigrationContext): Promise<void> {
  const text = ['issuer_id', 'issuer', 'jwks_uri?', 'audience', 'algorithms', 'scope_claim?', 'tenant_claim'];
  text.push('clearance_claim', 'workspace_from', 'workspace_prefix', 'created_at');
  await createTable(context, 'user_issuer', { text, integer: ['max_lifetime_seconds'] });
  await createIndexes(context, 'user_issuer', {
    user_issuer_unique: ['issuer'],
    user_issuer_prefix_unique: ['workspace_prefix'],
  });
}
