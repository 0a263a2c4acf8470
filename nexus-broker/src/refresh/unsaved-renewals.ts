/**
 * Renewed credentials that the database would not take. A rotated refresh token exists nowhere else, and using the old
 * one again would end the whole grant, so it waits here, in memory, until it can be stored.
 */
import type { AuditEvent } from '../domain/audit-event.js';
import type { Connection } from '../domain/connection.js';
import type { OauthCredential } from '../domain/credential.js';
import type { Provider } from '../domain/provider.js';
import type { RequestContext } from '../domain/request-context.js';

export interface Renewed {
  /** What the connection holds from now on. */
  readonly credential: OauthCredential;
  /** False where only the refresh token is a new one: the connection's own token and its times stay as they are. */
  readonly isRefresh: boolean;
  readonly event: AuditEvent;
}

export interface UnsavedRenewal {
  readonly connection: Connection;
  readonly provider: Provider;
  readonly context: RequestContext;
  readonly renewed: Renewed;
}

export class UnsavedRenewals {
  readonly #byRef = new Map<string, UnsavedRenewal>();

  keep(renewal: UnsavedRenewal): void {
    this.#byRef.set(renewal.connection.connectionRef, renewal);
  }

  /** Only for the very version it renews: a newer credential proves it obsolete. */
  find(connection: Connection): Renewed | null {
    const kept = this.#byRef.get(connection.connectionRef);
    return kept?.connection.version === connection.version ? kept.renewed : null;
  }

  forget(connectionRef: string): void {
    this.#byRef.delete(connectionRef);
  }

  list(): readonly UnsavedRenewal[] {
    return [...this.#byRef.values()];
  }
}
