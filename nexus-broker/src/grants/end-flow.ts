import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import type { AuditLog } from '../audit/audit-log.js';
import type { AuditEvent, AuditOrigin } from '../domain/audit-event.js';
import type { Flow } from '../domain/authorization-flow.js';
import type { FailedReason } from '../domain/connection.js';
import type { Database } from '../stores/database.js';

interface EndFlowDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

interface FlowFailure {
  readonly flow: Flow;
  readonly reason: FailedReason;
  readonly providerName: string;
  readonly origin: AuditOrigin;
  readonly data?: AuditEvent<'connection.failed'>['data'];
}

/**
 * Ends a flow without a credential. A new connection fails with it; a reconnect leaves its connection exactly as it was.
 */
export async function failFlow(deps: EndFlowDeps, failure: FlowFailure): Promise<void> {
  const { flow, reason } = failure;
  await deps.database.transaction(async (stores) => {
    if (!(await stores.flows.finish({ flowId: flow.flowId, status: 'failed' }))) return;
    if (!flow.isReconnect) {
      await stores.connections.markFailed({
        connectionRef: flow.connectionRef,
        reason,
        at: toInstant(deps.clock.now()),
      });
    }
    await stores.audit.insert(
      deps.audit.entriesOfFlow(
        flow,
        {
          eventType: reason === 'binding_failed' ? 'connection.binding_failed' : 'connection.failed',
          outcome: 'failure',
          connectionRef: flow.connectionRef,
          providerName: failure.providerName,
          workspaceId: flow.workspaceId,
          data: reason === 'binding_failed' ? { flow_id: flow.flowId } : { reason, ...failure.data },
        },
        failure.origin,
      ),
    );
  });
}
