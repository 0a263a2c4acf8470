import { NexusError } from '@nexus/core/errors';
import type { SessionFilter } from '../../domain/agent-session.js';
import type { RequestContext } from '../../domain/request-context.js';
import { endSessionsNow } from '../../sessions/end-sessions.js';
import type { CloseSessionDeps } from './close-agent-session.js';

/**
 * Ends every open session that matches the whole filter, such as all of one user, and returns how many.
 *
 * @throws NexusError `invalid_request` for a filter that names nothing, or a subject without its issuer.
 */
export async function closeSessions(
  deps: CloseSessionDeps,
  filter: SessionFilter,
  context: RequestContext,
): Promise<number> {
  if (Object.values(filter).every((value) => value === undefined)) {
    throw refuseFilter('agent_id', 'or connection_ref, key_id, or issuer (with sub for one user) is required');
  }
  if (filter.userSubject !== undefined && filter.userIssuer === undefined) {
    throw refuseFilter('issuer', 'is required with sub: two issuers may use the same subject');
  }
  return endSessionsNow(deps, { filter, end: 'closed_by_admin' }, context);
}

function refuseFilter(path: string, message: string): NexusError {
  return new NexusError('invalid_request', `${path} ${message}.`, { details: [{ path, message }] });
}
