/** The result of a bound flow while it waits, sealed and unusable, for the verifier of its challenge. */
import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { createToken, hashToken } from '@nexus/core/tokens';
import type { SealedBlob, Vault } from '@nexus/vault/vault';
import { openJson, sealJson } from '@nexus/vault/vault';
import type { AuditLog } from '../audit/audit-log.js';
import type { AuditEntry, AuditOrigin } from '../domain/audit-event.js';
import { type Flow, type FlowStatus, handleLifetimeSeconds } from '../domain/authorization-flow.js';
import { flowContext } from '../domain/blob-context.js';
import { placeProvider } from '../domain/profile-places.js';
import type { Provider } from '../domain/provider.js';
import type { ProviderClient } from '../oauth/provider-client.js';
import type { Database } from '../stores/database.js';
import { revokeGrant } from './revoke-grant.js';
import type { Grant } from './store-grant.js';

interface BoundGrantDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
}

interface HoldInput {
  readonly flow: Flow;
  readonly grant: Grant;
  /** The status the flow must be in, so that only one result of a flow is ever held. */
  readonly from: FlowStatus;
  /** What else belongs into the same transaction. */
  readonly entries: readonly AuditEntry[];
}

/** Keeps a grant sealed beside its flow; returns the handle that names it, or null when the flow is over. */
export async function holdBoundGrant(
  deps: Pick<BoundGrantDeps, 'database' | 'vault'>,
  { flow, grant, from, entries }: HoldInput,
): Promise<string | null> {
  const handle = createToken('nxt');
  const isHeld = await deps.database.transaction(async (stores) => {
    const isWaiting = await stores.flows.awaitCompletion({
      flowId: flow.flowId,
      from,
      handleHash: hashToken(handle),
      handleSeconds: handleLifetimeSeconds,
      sealedResult: sealJson(deps.vault, grant, flowContext(flow, 'sealed_result')),
    });
    if (!isWaiting) return false;
    await stores.audit.insert(entries);
    if (!flow.isReconnect) {
      await stores.connections.extendPending({
        connectionRef: flow.connectionRef,
        reason: 'not_completed',
        seconds: handleLifetimeSeconds,
      });
    }
    return true;
  });
  return isHeld ? handle : null;
}

export async function openBoundGrant(vault: Vault, flow: Flow, sealed: SealedBlob): Promise<Grant> {
  return (await openJson(vault, sealed, flowContext(flow, 'sealed_result'))) as unknown as Grant;
}

interface DiscardInput {
  readonly flowId: string;
  readonly provider: Provider;
  readonly origin: AuditOrigin;
}

/**
 * Ends a bound flow that was not completed: its tokens are revoked at the provider by the rule of DELETE and erased
 * here, in this order, so that a crash in between leaves something to take up again. Exactly one of several concurrent
 * callers does it.
 */
export async function discardBoundGrant(deps: BoundGrantDeps, input: DiscardInput): Promise<void> {
  const flow = await takeUncompleted(deps, input);
  if (flow === null) return;
  if (flow.sealedResult !== null) await revokeHeldGrant(deps, input.provider, flow, flow.sealedResult);
  await deps.database.transaction((stores) => stores.flows.finish({ flowId: flow.flowId, status: 'failed' }));
}

async function takeUncompleted(deps: BoundGrantDeps, input: DiscardInput): Promise<Flow | null> {
  return deps.database.transaction(async (stores) => {
    const taken = await stores.flows.takeUncompleted(input.flowId);
    // Whoever began this discard has recorded it already.
    if (taken === null || taken.status === 'discarding') return taken;
    if (!taken.isReconnect) {
      await stores.connections.markFailed({
        connectionRef: taken.connectionRef,
        reason: 'not_completed',
        at: toInstant(deps.clock.now()),
      });
    }
    const entries = deps.audit.entriesOfFlow(
      taken,
      {
        eventType: 'connection.failed',
        outcome: 'failure',
        connectionRef: taken.connectionRef,
        providerName: input.provider.profile.name,
        workspaceId: taken.workspaceId,
        data: { reason: 'not_completed' },
      },
      input.origin,
    );
    await stores.audit.insert(entries);
    return taken;
  });
}

async function revokeHeldGrant(
  deps: BoundGrantDeps,
  provider: Provider,
  flow: Flow,
  sealed: SealedBlob,
): Promise<void> {
  const grant = await openBoundGrant(deps.vault, flow, sealed);
  if (grant.credential.kind !== 'oauth2') return;
  await revokeGrant(deps, {
    provider: placeProvider(provider, grant.accountData ?? {}),
    credential: grant.credential,
    issuedOrigin: grant.issuedOrigin,
    endedRef: null,
    accountSubject: grant.subject,
  });
}
