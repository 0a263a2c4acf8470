import type { Clock } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import type { AuditOrigin } from '../../domain/audit-event.js';
import { placeFor } from '../../domain/profile-places.js';
import { discardBoundGrant } from '../../grants/bound-grant.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';

export interface SweepFlowsDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
}

const batch = 50;
const purgeBatch = 500;
const flowRetentionSeconds = 24 * 3_600;
const abandonedRetentionSeconds = 3_600;

/** Ends bound flows nobody completed: their tokens are erased here and revoked upstream by the rule of DELETE. */
export async function discardUncompleted(deps: SweepFlowsDeps, origin: AuditOrigin): Promise<void> {
  for (const flow of await deps.database.stores.flows.listUncompleted(batch)) {
    const provider = await deps.database.stores.providers.findAnyById(flow.providerId);
    if (provider !== null)
      await discardBoundGrant(deps, { flowId: flow.flowId, provider: placeFor(provider, flow), origin });
  }
}

/** Deletes flows that ended long ago, and connections that nobody ever finished, until none is left. */
export async function purgeFlows(deps: Pick<SweepFlowsDeps, 'database'>): Promise<void> {
  for (;;) {
    const purged = await deps.database.transaction(async (stores) => {
      const connections = await stores.connections.deleteAbandoned({
        pendingUntilBefore: abandonedRetentionSeconds,
        limit: purgeBatch,
      });
      const flows = await stores.flows.purgeFinished({ olderThanSeconds: flowRetentionSeconds, limit: purgeBatch });
      return Math.max(connections, flows);
    });
    if (purged < purgeBatch) return;
  }
}
