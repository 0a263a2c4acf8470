import { NexusError } from '@nexus/core/errors';
import type { Connection } from '../../domain/connection.js';
import type { DisclosedCredential } from '../../domain/credential-payload.js';
import type { RequestContext } from '../../domain/request-context.js';
import { getConnectionById } from './get-connection-by-id.js';
import type { GetTokenDeps } from './get-token.js';
import { disclose, getProviderOf, noteRefusal, providerUnavailable, requireActive } from './read-credential.js';

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
  const found = await getConnectionById(deps, input.connectionId, context, 'refreshConnection');
  return noteRefusal(deps, found, context, 'refreshConnection', () => refreshNow(deps, found, context));
}

async function refreshNow(
  deps: GetTokenDeps,
  found: Connection,
  context: RequestContext,
): Promise<RefreshedCredential> {
  const connection = await requireActive(deps.database, found);
  const provider = await getProviderOf(deps.database, connection);
  if (provider.profile.authType !== 'oauth2') {
    throw new NexusError('static_token', 'A static credential cannot be refreshed; capture a new one instead.');
  }
  if (!connection.hasRefreshToken) {
    throw new NexusError('no_refresh_token', 'The provider issued no refresh token for this connection.');
  }
  const outcome = await deps.refresh.refresh(connection, provider, context);
  if (outcome.kind === 'failed') {
    throw providerUnavailable(
      'The provider cannot renew the token right now; try again shortly.',
      outcome.retryAfterSeconds,
    );
  }
  const current = await deps.database.stores.connections.findByRef(connection.connectionRef);
  const renewed = await requireActive(deps.database, current ?? connection);
  const payload = await disclose(deps, renewed, provider, context, 'refreshConnection');
  return { payload, refreshed: renewed.version > connection.version };
}
