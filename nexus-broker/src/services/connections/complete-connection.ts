import { createHash } from 'node:crypto';
import type { Clock } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { equalDigests, hashToken, isToken } from '@nexus/core/tokens';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import type { Flow } from '../../domain/authorization-flow.js';
import { placeFor } from '../../domain/profile-places.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { discardBoundGrant, openBoundGrant } from '../../grants/bound-grant.js';
import { storeGrant } from '../../grants/store-grant.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';

export interface CompleteConnectionDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
}

export interface CompleteConnectionInput {
  readonly handle: string;
  readonly codeVerifier: string;
}

/**
 * Makes the credential of a bound flow usable. Only the server that kept the verifier of the flow's challenge in that
 * person's login session can do this, so a mailed consent link yields nothing. A wrong verifier burns the handle.
 */
export async function completeConnection(
  deps: CompleteConnectionDeps,
  input: CompleteConnectionInput,
  context: RequestContext,
): Promise<{ readonly connectionRef: string }> {
  const origin = toAuditOrigin(context);
  const handleHash = hashToken(input.handle);
  const flow = isToken(input.handle, 'nxt') ? await deps.database.stores.flows.findByHandleHash(handleHash) : null;
  if (flow === null || flow.status !== 'awaiting_completion' || flow.sealedResult === null) throw refusal();
  const registered = await deps.database.stores.providers.findAnyById(flow.providerId);
  if (registered === null) throw refusal();
  const provider = placeFor(registered, flow);
  // A provider that was deleted meanwhile gets no new connection, which nobody would look after.
  if (!provesChallenge(flow, input.codeVerifier) || provider.deletedAt !== null) {
    await discardBoundGrant(deps, { flowId: flow.flowId, provider, origin });
    throw refusal();
  }
  const outcome = await storeGrant(deps, {
    flow,
    grant: await openBoundGrant(deps.vault, flow, flow.sealedResult),
    provider,
    origin,
    // Consumed by the database's clock inside the storing transaction: one completion wins, and none after 120 s.
    settleFlow: async (stores) => (await stores.flows.consumeHandle(handleHash)) !== null,
  });
  if (outcome === 'stored') return { connectionRef: flow.connectionRef };
  if (outcome !== 'flow_spent') await discardBoundGrant(deps, { flowId: flow.flowId, provider, origin });
  throw refusal();
}

/** RFC 7636, section 4.6, between the application's two calls. */
function provesChallenge(flow: Flow, codeVerifier: string): boolean {
  if (flow.completionChallenge === null) return false;
  return equalDigests(createHash('sha256').update(codeVerifier, 'ascii').digest('base64url'), flow.completionChallenge);
}

function refusal(): NexusError {
  return new NexusError('completion_refused', 'The handle or its verifier is not valid; start a new flow.');
}
