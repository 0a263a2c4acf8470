import type { Instant } from '@nexus/core/clock';
import type { TokenPrefix } from '@nexus/core/tokens';

export const roles = ['admin', 'operator', 'auditor', 'gateway', 'app', 'agent'] as const;
export type Role = (typeof roles)[number];

/** The prefix a key of each role carries (`broker.md` of the contract: admin and operator share one). */
export const keyPrefix: Record<Role, TokenPrefix> = {
  admin: 'nxa',
  operator: 'nxa',
  auditor: 'nxu',
  gateway: 'nxg',
  app: 'nxp',
  agent: 'nxk',
};

/** A key as stored: its SHA-256, never its value. */
export interface ApiKey {
  readonly keyId: string;
  readonly keyHash: string;
  readonly role: Role;
  readonly name: string;
  readonly lastFour: string;
  readonly agentId: string | null;
  readonly createdAt: Instant;
  readonly expiresAt: Instant | null;
  readonly revokedAt: Instant | null;
  readonly lastUsedAt: Instant | null;
}

/** Who acts, proven by a key. */
export interface Principal {
  readonly keyId: string;
  readonly role: Role;
  readonly name: string;
  readonly lastFour: string;
  readonly agentId: string | null;
}

export function isUsable(key: ApiKey, now: Instant): boolean {
  return key.revokedAt === null && (key.expiresAt === null || key.expiresAt > now);
}

/** How the log tells that a key has ended. */
export function describeRevokedKey({ keyId, role, name, agentId }: ApiKey) {
  return {
    eventType: 'key.revoked' as const,
    outcome: 'success' as const,
    resourceId: keyId,
    ...(agentId === null ? {} : { agentId }),
    data: { key_id: keyId, role, name },
  };
}

export function toPrincipal(key: ApiKey): Principal {
  return { keyId: key.keyId, role: key.role, name: key.name, lastFour: key.lastFour, agentId: key.agentId };
}
