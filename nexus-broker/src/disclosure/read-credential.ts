import type { Connection } from '../domain/connection.js';
import type { DisclosedCredential } from '../domain/credential-payload.js';
import type { Provider } from '../domain/provider.js';
import { planRead } from '../domain/read-plan.js';
import type { RequestContext } from '../domain/request-context.js';
import { type ActiveConnection, getProviderOf, requireActive } from './active-connection.js';
import {
  type DisclosureDeps,
  disclose,
  expiredMessage,
  providerUnavailable,
  type Reader,
} from './disclose-credential.js';

export type ReadCredentialDeps = DisclosureDeps & { readonly onBackgroundError: (error: unknown) => void };

type RenewalDeps = Pick<ReadCredentialDeps, 'database' | 'clock' | 'refresh' | 'onBackgroundError'>;

/** Hands out the credential of a connection, renewed first where its remaining life demands it. */
export async function readCredential(
  deps: ReadCredentialDeps,
  found: Connection,
  minValiditySeconds: number,
  reader: Reader,
): Promise<DisclosedCredential> {
  const connection = await requireActive(deps.database, found);
  const provider = await getProviderOf(deps.database, connection);
  const current = await renewWhereDue(deps, connection, provider, { minValiditySeconds, context: reader.context });
  return disclose(deps, current, provider, reader);
}

/** The connection with a credential that may be used now; a failed refresh still leaves the current one while it lives. */
export async function renewWhereDue(
  deps: RenewalDeps,
  connection: ActiveConnection,
  provider: Provider,
  need: { readonly minValiditySeconds: number; readonly context: RequestContext },
): Promise<ActiveConnection> {
  const plan = planRead(connection, deps.clock.now(), need.minValiditySeconds);
  if (plan === 'refresh_first') {
    return requireActive(deps.database, await renew(deps, connection, provider, need.context));
  }
  if (plan === 'serve_and_refresh') {
    deps.refresh.refresh(connection, provider, need.context, 'background').catch(deps.onBackgroundError);
  }
  return connection;
}

async function renew(
  deps: RenewalDeps,
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
