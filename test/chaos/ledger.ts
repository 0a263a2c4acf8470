/** What the application under chaos knows for certain, and every promise it saw broken. */
import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';

export type ConnectionKind = 'confirm' | 'bound' | 'static';

export interface TrackedProvider {
  readonly name: string;
  readonly server: RunningOpenidProvider;
  /** Its access tokens need a refresh at nearly every read. */
  readonly isShortLived: boolean;
}

export interface TrackedConnection {
  readonly id: string;
  readonly ref: string;
  readonly kind: ConnectionKind;
  /** Account at the provider, of this connection alone. */
  readonly login: string;
  /** Where it was connected; null for a static credential. */
  readonly provider: TrackedProvider | null;
  /** The application was told of success, so the credential may never be lost again. */
  acknowledged: boolean;
  /** Static values that were submitted; a read must answer one of them. */
  readonly submitted: Set<string>;
  /** An unanswered call may have spent the refresh token, which a rotating provider punishes with the whole grant. */
  refreshInDoubt: boolean;
  deletion: 'none' | 'asked' | 'acknowledged';
  /** Something happened to it since it was last examined. */
  isDirty: boolean;
}

/** A secret that reached the client, by the id of the request that brought it. */
export interface Disclosure {
  readonly requestId: string;
  readonly ref: string;
}

export class Ledger {
  readonly connections = new Map<string, TrackedConnection>();
  readonly violations: string[] = [];
  readonly counts = new Map<string, number>();
  #unverified: Disclosure[] = [];

  track(connection: Omit<TrackedConnection, 'acknowledged' | 'submitted' | 'refreshInDoubt' | 'deletion' | 'isDirty'>) {
    const tracked: TrackedConnection = {
      ...connection,
      acknowledged: false,
      submitted: new Set(),
      refreshInDoubt: false,
      deletion: 'none',
      isDirty: true,
    };
    this.connections.set(tracked.ref, tracked);
    return tracked;
  }

  acknowledge(connection: TrackedConnection): void {
    connection.acknowledged = true;
    // A new consent brought a new grant; what became of the old refresh token no longer matters.
    connection.refreshInDoubt = false;
    connection.isDirty = true;
    this.count(`acknowledged ${connection.kind}`);
  }

  disclosed(disclosure: Disclosure): void {
    this.#unverified.push(disclosure);
    this.count('disclosures');
  }

  /** Disclosures nobody has looked up in the audit log yet; the next call starts empty. */
  takeUnverified(): readonly Disclosure[] {
    const taken = this.#unverified;
    this.#unverified = [];
    return taken;
  }

  violate(rule: string, context: Readonly<Record<string, unknown>>): void {
    this.violations.push(`${rule}: ${JSON.stringify(context)}`);
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }
}
