import { toInstant } from '@nexus/core/clock';
import type { AttentionReason } from '../domain/connection.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import { createStepEntry, type RefreshStepDeps, type RefreshStepInput } from './refresh-step.js';

interface UpstreamWords {
  readonly upstream_error?: string | null;
  readonly upstream_status?: number | null;
}

/** Ends the lease with a connection that only a person can bring back, unless it holds something newer by now. */
export async function enterAttention(
  deps: RefreshStepDeps,
  input: RefreshStepInput,
  reason: AttentionReason,
  data: UpstreamWords = {},
): Promise<RefreshOutcome> {
  const { connection, owner } = input;
  await deps.database.transaction(async (stores) => {
    const isMarked = await stores.connections.markAttention({
      connectionRef: connection.connectionRef,
      expectedVersion: connection.version,
      reason,
      at: toInstant(deps.clock.now()),
    });
    await stores.connections.releaseRefreshLease({
      connectionRef: connection.connectionRef,
      owner,
      nextAttemptInSeconds: null,
      failed: true,
    });
    if (!isMarked) return;
    await stores.audit.insert([
      createStepEntry(deps, input, {
        eventType: 'connection.attention',
        outcome: 'failure',
        data: { reason, ...data },
      }),
    ]);
  });
  return { kind: 'attention' };
}
