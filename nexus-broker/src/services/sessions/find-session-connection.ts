import { NexusError } from '@nexus/core/errors';
import { type FindByIdDeps, getConnectionById } from '../../disclosure/get-connection-by-id.js';
import { selectConnection } from '../../disclosure/select-connection.js';
import type { Connection } from '../../domain/connection.js';
import type { RequestContext } from '../../domain/request-context.js';
import type { VerifiedUser } from '../../domain/verified-user.js';

/** Names the connection of a session: by its id, or by whose it is and at which provider. */
export interface SessionSelector {
  readonly connectionId: string | null;
  readonly workspaceId: string | null;
  readonly providerName: string | null;
  readonly connectionRef: string | null;
}

/**
 * The connection a session is asked for. An application reaches only its own; an agent's own key selects by workspace
 * only behind a user's token, which proves the workspace; and that workspace is the only one such a token leads to.
 *
 * @throws NexusError `invalid_request`, `forbidden`, `provider_not_found`, `connection_not_found`,
 * `connection_ambiguous`, `rate_limited`.
 */
export async function findSessionConnection(
  deps: FindByIdDeps,
  selector: SessionSelector,
  user: VerifiedUser | null,
  context: RequestContext,
  route: string,
): Promise<Connection> {
  const ownerKey = context.principal?.role === 'app' ? context.principal.keyId : null;
  if (user !== null && selector.workspaceId !== null && selector.workspaceId !== user.workspaceId) {
    throw new NexusError('forbidden', 'The token of the user leads to another workspace than workspace_id.');
  }
  if (selector.connectionId === null) {
    const workspaceId = user?.workspaceId ?? selector.workspaceId;
    const { providerName, connectionRef } = selector;
    if (workspaceId === null || providerName === null) throw selectorMissing();
    if (user === null && context.principal?.role === 'agent') {
      throw new NexusError('forbidden', 'The key of an agent names a connection by connection_id only.');
    }
    return selectConnection(deps.database, { workspaceId, providerName, connectionRef, requestedBy: ownerKey });
  }
  const isMixed = selector.providerName !== null || selector.connectionRef !== null;
  if (isMixed || (user === null && selector.workspaceId !== null)) throw selectorMissing();
  const found = await getConnectionById(deps, selector.connectionId, context, route);
  const isForeign = ownerKey !== null && found.requestedBy !== ownerKey;
  if (isForeign || (user !== null && found.workspaceId !== user.workspaceId)) {
    throw new NexusError('connection_not_found', 'No connection has this id.');
  }
  return found;
}

function selectorMissing(): NexusError {
  const message = 'or else workspace_id with provider_name must name the connection, not both';
  return new NexusError('invalid_request', `connection_id ${message}.`, {
    details: [{ path: 'connection_id', message }],
  });
}
