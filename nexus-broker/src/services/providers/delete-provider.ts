import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { AuditLog } from '../../audit/audit-log.js';
import type { Connection } from '../../domain/connection.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { Database } from '../../stores/database.js';
import { getProvider } from './get-provider.js';

export interface DeleteProviderDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly clock: Clock;
  /** Ends one connection as its own DELETE would, upstream revocation included. */
  readonly endConnection: (connection: Connection, context: RequestContext) => Promise<void>;
}

export interface DeleteProviderInput {
  readonly providerId: string;
  readonly force: boolean;
}

/** Deletes a provider softly. With `force` its live connections are ended first, never orphaned. */
export async function deleteProvider(
  deps: DeleteProviderDeps,
  input: DeleteProviderInput,
  context: RequestContext,
): Promise<{ readonly providerId: string; readonly connections: number }> {
  const provider = await getProvider(deps, input);
  const { stores } = deps.database;
  let ended = 0;
  if (input.force) {
    const rows = await stores.connections.list({ providerId: provider.providerId });
    for (const row of rows.filter((connection) => connection.status !== 'revoked')) {
      await deps.endConnection(row, context);
      ended += 1;
    }
  }
  await deps.database.transaction(async (tx) => {
    // Marked first: a flow that is storing its credential now ends before this, and none begins after.
    if (!(await tx.providers.markDeleted(provider.providerId, toInstant(deps.clock.now())))) return;
    const live = await tx.connections.countLive(provider.providerId);
    if (live > 0) {
      throw new NexusError(
        'provider_in_use',
        `${live} live connections use this provider; delete them first or repeat with ?force=true.`,
      );
    }
    await tx.audit.insert([
      deps.audit.entry(
        {
          eventType: 'provider.deleted',
          outcome: 'success',
          providerName: provider.profile.name,
          resourceId: provider.providerId,
          data: { provider_id: provider.providerId, connections: ended, force: input.force },
        },
        toAuditOrigin(context),
      ),
    ]);
  });
  return { providerId: provider.providerId, connections: ended };
}
