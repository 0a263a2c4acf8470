import type { ErrorCode } from '@nexus/core/errors';
import type { Role } from '../../domain/api-key.js';

/** Who opens, sees and closes sessions; which ones, the services decide. */
export const sessionRoles: readonly Role[] = ['operator', 'admin', 'app', 'agent'];

/** What may keep a session from being opened. */
export const openingRefusals: readonly ErrorCode[] = [
  'agent_inactive',
  'provider_not_allowed',
  'scope_not_allowed',
  'scope_not_granted',
  'agent_not_found',
  'provider_not_found',
  'connection_not_found',
  'connection_not_active',
  'attention_required',
  'connection_ambiguous',
  'connection_revoked',
];
