/** The result of a bound flow while it waits, sealed and unusable, for the verifier of its challenge. */
import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import type { SealedBlob, Vault } from '@nexus/vault/vault';
import { openJson, sealJson } from '@nexus/vault/vault';
import type { AuditLog } from '../audit/audit-log.js';
import type { AuditOrigin } from '../domain/audit-event.js';
import type { Flow } from '../domain/authorization-flow.js';
import { flowContext } from '../domain/blob-context.js';
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

export function sealBoundGrant(vault: Vault, flow: Flow, grant: Grant): SealedBlob {
  return sealJson(vault, grant, flowContext(flow, 'sealed_result'));
}

export function openBoundGrant(vault: Vault, flow: Flow, sealed: SealedBlob): Grant {
  return openJson(vault, sealed, flowContext(flow, 'sealed_result')) as unknown as Grant;
}

interface DiscardInput {
  readonly flowId: string;
  readonly provider: Provider;
  readonly origin: AuditOrigin;
}

/**
 * Ends a bound flow that was not completed: its tokens are erased here and revoked at the provider by the rule of
 * DELETE. Exactly one of several concurrent callers does it.
 */
export async function discardBoundGrant(deps: BoundGrantDeps, input: DiscardInput): Promise<void> {
  const { provider } = input;
  const flow = await deps.database.transaction(async (stores) => {
    const taken = await stores.flows.takeUncompleted(input.flowId);
    if (taken === null) return null;
    if (!taken.isReconnect) {
      await stores.connections.markFailed({
        connectionRef: taken.connectionRef,
        reason: 'not_completed',
        at: toInstant(deps.clock.now()),
      });
    }
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'connection.failed',
          outcome: 'failure',
          connectionRef: taken.connectionRef,
          providerName: provider.profile.name,
          workspaceId: taken.workspaceId,
          data: { reason: 'not_completed' },
        },
        input.origin,
      ),
    ]);
    return taken;
  });
  if (flow === null || flow.sealedResult === null) return;
  const grant = openBoundGrant(deps.vault, flow, flow.sealedResult);
  if (grant.credential.kind !== 'oauth2') return;
  await revokeGrant(deps, {
    provider,
    credential: grant.credential,
    issuedOrigin: grant.issuedOrigin,
    endedRef: null,
    accountSubject: grant.subject,
  });
}
