import type { Connection } from '../../domain/connection.js';
import type { DisclosedCredential } from '../../domain/credential-payload.js';
import type { Provider } from '../../domain/provider.js';
import { planRead } from '../../domain/read-plan.js';
import type { RequestContext } from '../../domain/request-context.js';
import { type FindByIdDeps, getConnectionById } from './get-connection-by-id.js';
import {
  disclose,
  expiredMessage,
  getProviderOf,
  noteRefusal,
  providerUnavailable,
  type ReadCredentialDeps,
  requireActive,
} from './read-credential.js';

export type GetTokenDeps = ReadCredentialDeps & FindByIdDeps & { readonly onBackgroundError: (error: unknown) => void };

export interface GetTokenInput {
  readonly connectionId: string;
  readonly minValiditySeconds: number;
}

/** Hands out the credential of a connection, renewed first where its remaining life demands it. */
export async function getToken(
  deps: GetTokenDeps,
  input: GetTokenInput,
  context: RequestContext,
): Promise<DisclosedCredential> {
  const connection = await getConnectionById(deps, input.connectionId, context, 'getToken');
  return readCredential(deps, connection, input.minValiditySeconds, context, 'getToken');
}

/** The same for a connection that was selected otherwise. */
export async function readCredential(
  deps: GetTokenDeps,
  found: Connection,
  minValiditySeconds: number,
  context: RequestContext,
  route: string,
): Promise<DisclosedCredential> {
  return noteRefusal(deps, found, context, route, () => readActive(deps, found, minValiditySeconds, context, route));
}

async function readActive(
  deps: GetTokenDeps,
  found: Connection,
  minValiditySeconds: number,
  context: RequestContext,
  route: string,
): Promise<DisclosedCredential> {
  const connection = await requireActive(deps.database, found);
  const provider = await getProviderOf(deps.database, connection);
  const plan = planRead(connection, deps.clock.now(), minValiditySeconds);
  if (plan === 'refresh_first') {
    const renewed = await renew(deps, connection, provider, context);
    return disclose(deps, await requireActive(deps.database, renewed), provider, context, route);
  }
  if (plan === 'serve_and_refresh') {
    deps.refresh.refresh(connection, provider, context).catch(deps.onBackgroundError);
  }
  return disclose(deps, connection, provider, context, route);
}

/** A failed refresh still serves the current token while it lives. */
async function renew(
  deps: GetTokenDeps,
  connection: Connection,
  provider: Provider,
  context: RequestContext,
): Promise<Connection> {
  const outcome = await deps.refresh.refresh(connection, provider, context);
  const current = await deps.database.stores.connections.findByRef(connection.connectionRef);
  if (current === null) throw new Error('a connection row vanished');
  const isExpired = current.accessExpiresAt !== null && current.accessExpiresAt * 1_000 <= deps.clock.now();
  if (outcome.kind === 'failed' && current.status === 'active' && isExpired) {
    throw providerUnavailable(expiredMessage, outcome.retryAfterSeconds);
  }
  return current;
}
