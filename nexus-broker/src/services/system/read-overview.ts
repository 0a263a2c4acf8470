/** The state of the whole installation as its database and this Broker's engine know it. No secrets, no names of people. */
import { type Clock, toInstant } from '@nexus/core/clock';
import type { AuditSealer } from '../../audit/audit-sealer.js';
import { inUseMs } from '../../domain/grant.js';
import type { UnsavedRenewals } from '../../refresh/unsaved-renewals.js';
import type { PaceEntry } from '../../stores/call-pace-store.js';
import type { Database } from '../../stores/database.js';

export interface OverviewDeps {
  readonly database: Database;
  readonly auditSealer: AuditSealer;
  readonly clock: Clock;
  readonly unsaved: UnsavedRenewals;
}

export interface Overview {
  readonly connections: Record<string, number>;
  readonly attention: Record<string, number>;
  readonly backlog: number;
  readonly inDoubt: number;
  /** Renewed credentials of this Broker that wait for the database. */
  readonly unsaved: number;
  readonly closest: readonly {
    readonly connectionRef: string;
    readonly providerId: string;
    readonly expiresInSeconds: number;
  }[];
  /** Token endpoints whose breaker is open, and providers that refuse our client. */
  readonly blocked: readonly PaceEntry[];
  readonly sealingLagSeconds: number;
}

export async function readOverview(deps: OverviewDeps): Promise<Overview> {
  const now = deps.clock.now();
  const { connections, refreshOverview, callPace } = deps.database.stores;
  const input = { now, readSince: toInstant(now - inUseMs) };
  const closest = await refreshOverview.findClosest(input);
  return {
    connections: await connections.countByStatus(),
    attention: await refreshOverview.countAttention(),
    backlog: await refreshOverview.countBacklog(input),
    inDoubt: await refreshOverview.countInDoubt(),
    unsaved: deps.unsaved.list().length,
    closest: closest.map(({ connectionRef, providerId, expiresAt }) => ({
      connectionRef,
      providerId,
      expiresInSeconds: Math.max(0, Math.floor(expiresAt - now / 1_000)),
    })),
    blocked: (await callPace.list()).filter(({ state }) => state !== 'closed'),
    sealingLagSeconds: (await deps.auditSealer.status()).lagSeconds,
  };
}
