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
import type { UnsavedRenewals } from './unsaved-renewals.js';

export interface RefreshStepDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly unsaved: UnsavedRenewals;
}

export interface RefreshStepInput {
  readonly connection: Connection;
  readonly provider: Provider;
  readonly context: RequestContext;
  /** Holder of the lease. */
  readonly owner: string;
  /** Failed calls in a row before this one, where that matters. */
  readonly failures?: number;
}

export function createStepEntry(
  deps: Pick<RefreshStepDeps, 'audit'>,
  { connection, provider, context }: RefreshStepInput,
  event: AuditEvent,
): AuditEntry {
  return deps.audit.entry(
    {
      ...event,
      connectionRef: connection.connectionRef,
      providerName: provider.profile.name,
      workspaceId: connection.workspaceId,
    },
    toAuditOrigin(context),
  );
}
