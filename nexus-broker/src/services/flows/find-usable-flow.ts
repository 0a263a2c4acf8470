import { NexusError } from '@nexus/core/errors';
import { hashToken, isToken } from '@nexus/core/tokens';
import type { Flow } from '../../domain/authorization-flow.js';
import { placeFor } from '../../domain/profile-places.js';
import type { Provider } from '../../domain/provider.js';
import { checkReturnUrl } from '../../domain/return-url.js';
import type { Database } from '../../stores/database.js';

interface UsableFlow {
  readonly flow: Flow;
  readonly provider: Provider;
}

/**
 * Finds the flow of a ticket while a person may still act on it. An unknown ticket and one that ran out look the same.
 *
 * @throws NexusError `flow_expired`, `flow_already_used`, `capture_refused`.
 */
export async function findUsableFlow(database: Database, ticket: string): Promise<UsableFlow> {
  const flow = isToken(ticket, 'nxt') ? await database.stores.flows.findByTicketHash(hashToken(ticket)) : null;
  if (flow === null) throw flowExpired();
  if (flow.status === 'failed' && flow.refusals > 0 && flow.kind === 'static') throw captureRefused();
  if (flow.status === 'done' || flow.status === 'awaiting_completion' || flow.status === 'exchanging') {
    throw new NexusError('flow_already_used', 'This link has been used already; request a new one.');
  }
  if (flow.status === 'failed' || flow.expiresAt <= (await database.now())) throw flowExpired();
  const provider = await database.stores.providers.findById(flow.providerId);
  if (provider === null) throw flowExpired();
  return { flow, provider: placeFor(provider, flow) };
}

export function flowExpired(): NexusError {
  return new NexusError('flow_expired', 'This link is not valid any more; request a new one.');
}

export function captureRefused(): NexusError {
  return new NexusError('capture_refused', 'Too many refused entries; request a new link.');
}

/**
 * A return URL is checked again before anybody is sent there: its origin may have been deleted since the flow began.
 *
 * @throws NexusError `flow_expired`
 */
export async function requireReturnAllowed(
  deps: { readonly database: Database; readonly environment: 'production' | 'development' },
  flow: Flow,
): Promise<void> {
  const origins = await deps.database.stores.returnOrigins.list();
  try {
    checkReturnUrl({ returnUrl: flow.returnUrl, origins, environment: deps.environment });
  } catch {
    throw flowExpired();
  }
}
