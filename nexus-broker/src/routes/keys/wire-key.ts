import type { Key, KeyCreated, KeyDeleted } from '@nexus/broker-api/administration';
import type { ApiKey } from '../../domain/api-key.js';
import type { CreatedKey } from '../../services/keys/create-key.js';
import type { DeletedKey } from '../../services/keys/delete-key.js';

export function toWireKey(key: ApiKey): Key {
  return {
    id: key.keyId,
    name: key.name,
    role: key.role,
    agent_id: key.agentId,
    last_four: key.lastFour,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    last_used_at: key.lastUsedAt,
  };
}

export function toWireCreatedKey({ key, value }: CreatedKey): KeyCreated {
  return {
    id: key.keyId,
    key: value,
    name: key.name,
    role: key.role,
    last_four: key.lastFour,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
  };
}

export function toWireDeletedKey({ keyId, revokedAt, sessionsClosed }: DeletedKey): KeyDeleted {
  return { id: keyId, revoked_at: revokedAt, sessions_closed: sessionsClosed };
}
