import { NexusError } from '@nexus/core/errors';
import { getProviderOf, requireActive } from '../../disclosure/active-connection.js';
import { disclose, noteRefusal, providerUnavailable, type Reader } from '../../disclosure/disclose-credential.js';
import { getConnectionById } from '../../disclosure/get-connection-by-id.js';
import { type Connection, hasSameToken } from '../../domain/connection.js';
import type { DisclosedCredential } from '../../domain/credential-payload.js';
import type { RequestContext } from '../../domain/request-context.js';
import type { GetTokenDeps } from './get-token.js';

export interface RefreshedCredential {
  readonly payload: DisclosedCredential;
  /** False where the current token was recent enough to be answered as it is. */
  readonly refreshed: boolean;
}

/** Renews now, whatever the token's remaining life, within the limit of one provider call per 30 s. */
export async function refreshConnection(
  deps: GetTokenDeps,
  input: { readonly connectionId: string },
  context: RequestContext,
): Promise<RefreshedCredential> {
  const reader: Reader = { context, route: 'refreshConnection', session: null };
  const found = await getConnectionById(deps, input.connectionId, context, reader.route);
  return noteRefusal(deps, found, reader, () => refreshNow(deps, found, reader));
}

async function refreshNow(deps: GetTokenDeps, found: Connection, reader: Reader): Promise<RefreshedCredential> {
  const connection = await requireActive(deps.database, found);
  const provider = await getProviderOf(deps.database, connection);
  if (provider.profile.authType !== 'oauth2') {
    throw new NexusError('static_token', 'A static credential cannot be refreshed; capture a new one instead.');
  }
  if (!connection.hasRefreshToken) {
    throw new NexusError('no_refresh_token', 'The provider issued no refresh token for this connection.');
  }
  const outcome = await deps.refresh.refresh(connection, provider, reader.context);
  if (outcome.kind === 'failed') {
    throw providerUnavailable(
      'The provider cannot renew the token right now; try again shortly.',
      outcome.retryAfterSeconds,
    );
  }
  const current = await deps.database.stores.connections.findByRef(connection.connectionRef);
  const renewed = await requireActive(deps.database, current ?? connection);
  const payload = await disclose(deps, renewed, provider, reader);
  return { payload, refreshed: !hasSameToken(connection, renewed) };
}
