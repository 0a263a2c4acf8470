import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import { createToken, hashToken } from '@nexus/core/tokens';
import type { AuditLog } from '../../audit/audit-log.js';
import { type ApiKey, keyPrefix, type Role } from '../../domain/api-key.js';
import type { AuditOrigin } from '../../domain/audit-event.js';
import { findDisplayProblem } from '../../domain/display-text.js';
import type { Database } from '../../stores/database.js';

export interface KeyDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

export interface CreateKeyInput {
  readonly name: string;
  readonly role: Role;
  readonly expiresAt: string | null;
  /** The agent a key of role `agent` speaks for; null for every other role. */
  readonly agentId: string | null;
}

export interface CreatedKey {
  readonly key: ApiKey;
  readonly value: string;
}

/** Creates a key and returns it once; only its SHA-256 is kept. */
export async function createKey(deps: KeyDeps, input: CreateKeyInput, origin: AuditOrigin): Promise<CreatedKey> {
  const value = createToken(keyPrefix[input.role]);
  return { key: await storeKey(deps, input, value, origin), value };
}

/** Stores a key whose value is already known, such as one an operator provides at the first start. */
export async function storeKey(
  deps: KeyDeps,
  input: CreateKeyInput,
  value: string,
  origin: AuditOrigin,
): Promise<ApiKey> {
  const problem = findDisplayProblem(input.name, 128);
  if (problem !== null) {
    throw new NexusError('invalid_request', `name ${problem}.`, { details: [{ path: 'name', message: problem }] });
  }
  const now = deps.clock.now();
  const expiresAt = input.expiresAt === null ? null : toInstant(Date.parse(input.expiresAt));
  if (expiresAt !== null && expiresAt <= toInstant(now)) {
    throw new NexusError('invalid_request', 'expires_at lies in the past.', {
      details: [{ path: 'expires_at', message: 'lies in the past' }],
    });
  }
  const key: ApiKey = {
    keyId: createUlid(now),
    keyHash: hashToken(value),
    role: input.role,
    name: input.name,
    lastFour: value.slice(-4),
    agentId: input.agentId,
    createdAt: toInstant(now),
    expiresAt,
    revokedAt: null,
    lastUsedAt: null,
  };
  await deps.database.transaction(async (stores) => {
    if (key.agentId !== null && (await stores.agents.hold(key.agentId)) === null) {
      throw new NexusError('agent_not_found', 'No agent has this id.');
    }
    await stores.keys.insert(key);
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'key.created',
          outcome: 'success',
          resourceId: key.keyId,
          ...(key.agentId === null ? {} : { agentId: key.agentId }),
          data: { key_id: key.keyId, role: key.role, name: key.name, expires_at: key.expiresAt },
        },
        origin,
      ),
    ]);
  });
  return key;
}
