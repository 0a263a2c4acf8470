/** What a step under a held lease works with. */
import type { Clock } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../audit/audit-log.js';
import type { AuditEntry, AuditEvent } from '../domain/audit-event.js';
import type { Connection } from '../domain/connection.js';
import type { Provider } from '../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../domain/request-context.js';
import type { ProviderClient } from '../oauth/provider-client.js';
import type { Database } from '../stores/database.js';
import type { CallAttempt } from './call-attempt.js';
import type { UnsavedRenewals } from './unsaved-renewals.js';

export interface RefreshStepDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly unsaved: UnsavedRenewals;
  /** Resolves after this many ms. */
  readonly sleep: (ms: number) => Promise<void>;
}

export interface RefreshStepInput {
  readonly connection: Connection;
  readonly provider: Provider;
  readonly context: RequestContext;
  /** Holder of the lease. */
  readonly owner: string;
}

export interface CallStepInput extends RefreshStepInput {
  readonly attempt: CallAttempt;
}

export interface CallStepDeps extends RefreshStepDeps {
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** An entry about the connection; of a call under way it names the intent, where the event does not name another. */
export function createStepEntry(
  deps: Pick<RefreshStepDeps, 'audit'>,
  { connection, provider, context, attempt }: RefreshStepInput & { readonly attempt?: CallAttempt },
  event: AuditEvent,
): AuditEntry {
  const intentId = attempt?.intentId ?? null;
  return deps.audit.entry(
    {
      ...event,
      ...(intentId === null ? {} : { data: { intent_id: intentId, ...event.data } }),
      connectionRef: connection.connectionRef,
      providerName: provider.profile.name,
      workspaceId: connection.workspaceId,
    },
    toAuditOrigin(context),
  );
}
