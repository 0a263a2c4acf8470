import { toInstant } from '@nexus/core/clock';
import type { AttentionReason } from '../domain/connection.js';
import type { RefreshOutcome } from './refresh-outcome.js';
import { type CallStepInput, createStepEntry, type RefreshStepDeps } from './refresh-step.js';

interface UpstreamWords {
  readonly upstream_error?: string | null;
  readonly upstream_status?: number | null;
}

/**
 * Ends the lease with a connection that only a person can bring back. Null where it holds something newer by now, or was
 * ended; nothing is written then.
 */
export async function enterAttention(
  deps: RefreshStepDeps,
  input: CallStepInput,
  reason: AttentionReason,
  data: UpstreamWords = {},
): Promise<(RefreshOutcome & { readonly kind: 'attention' }) | null> {
  const { connectionRef, version } = input.connection;
  return deps.database.transaction(async (stores) => {
    const at = toInstant(deps.clock.now());
    const isMarked = await stores.connections.markAttention({ connectionRef, expectedVersion: version, reason, at });
    if (!isMarked) return null;
    await stores.audit.insert([
      createStepEntry(deps, input, {
        eventType: 'connection.attention',
        outcome: 'failure',
        data: { reason, ...data },
      }),
    ]);
    return { kind: 'attention' };
  });
}
