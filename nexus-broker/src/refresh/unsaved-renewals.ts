/**
 * Renewed credentials that the database would not take. A rotated refresh token exists nowhere else, and using the old
 * one again would end the whole grant, so it waits here until it can be stored: in memory, and sealed in a file that
 * outlives the process.
 */
import { type BlobContext, openJson, type SealedBlob, sealJson, type Vault } from '@nexus/vault/vault';
import type { AuditEvent } from '../domain/audit-event.js';
import type { Connection } from '../domain/connection.js';
import type { OauthCredential } from '../domain/credential.js';
import { placeFor } from '../domain/profile-places.js';
import type { Provider } from '../domain/provider.js';
import type { RequestContext } from '../domain/request-context.js';
import type { Stores } from '../stores/database.js';
import type { RenewalSpool } from './renewal-spool.js';

export interface Renewed {
  /** What the connection holds from now on. */
  readonly credential: OauthCredential;
  /** False where only the refresh token is a new one: the connection's own token and its times stay as they are. */
  readonly isRefresh: boolean;
  readonly event: AuditEvent;
  /** The audit entry of each attempt to store it: one that is in the log tells that the attempt succeeded. */
  readonly entryIds: string[];
}

export interface UnsavedRenewal {
  readonly connection: Connection;
  readonly provider: Provider;
  readonly context: RequestContext;
  readonly renewed: Renewed;
}

/** What of a renewal is written to the spool; the rest is read from the database when it is there again. */
interface SpooledRenewal {
  readonly connectionRef: string;
  readonly version: number;
  readonly context: RequestContext;
  readonly renewed: Renewed;
  /** Where its tokens may be sent: the connection may be at another tenant by the time they are found. */
  readonly issued?: Pick<Connection, 'issuedOrigin' | 'inputs' | 'accountData'>;
}

/** Of an entry that does not say where its tokens are from, while the connection has something newer: to nowhere. */
const issuedNowhere = { issuedOrigin: '' };

interface Place {
  readonly slot: number;
  readonly length: number;
}

interface UnsavedRenewalsInput {
  readonly spool: RenewalSpool;
  readonly vault: Vault;
  readonly onError: (error: unknown) => void;
}

/** An entry says inside which row it is for; one put back from the past renews a version that is no more. */
const spoolContext: BlobContext = {
  purpose: 'cred',
  table: 'renewal_spool',
  column: 'entry',
  workspaceId: '',
  rowId: '',
  providerId: '',
  version: 0,
  issuedOrigin: '',
};

export class UnsavedRenewals {
  readonly #durable: UnsavedRenewalsInput | null;
  readonly #byRef = new Map<string, UnsavedRenewal>();
  readonly #places = new Map<string, Promise<Place | null>>();

  /** Without a spool, what waits is lost with the process. */
  constructor(durable: UnsavedRenewalsInput | null = null) {
    this.#durable = durable;
  }

  /** Resolves once it is on the disk, or cannot be brought there. */
  async keep(renewal: UnsavedRenewal): Promise<void> {
    const { connectionRef, version } = renewal.connection;
    const kept = this.#byRef.get(connectionRef);
    if (kept?.renewed === renewal.renewed && kept.connection.version === version) return;
    this.forget(connectionRef);
    this.#byRef.set(connectionRef, renewal);
    if (this.#durable === null) return;
    const place = this.#spool(this.#durable, renewal);
    this.#places.set(connectionRef, place);
    await place;
  }

  /** Only for the very version it renews: a newer credential proves it obsolete. */
  find(connection: Connection): Renewed | null {
    const kept = this.#byRef.get(connection.connectionRef);
    return kept?.connection.version === connection.version ? kept.renewed : null;
  }

  forget(connectionRef: string): void {
    this.#byRef.delete(connectionRef);
    const place = this.#places.get(connectionRef);
    this.#places.delete(connectionRef);
    if (place === undefined || this.#durable === null) return;
    const { spool, onError } = this.#durable;
    place.then((at) => (at === null ? undefined : spool.erase(at.slot, at.length))).catch(onError);
  }

  list(): readonly UnsavedRenewal[] {
    return [...this.#byRef.values()];
  }

  /**
   * Takes over what an earlier process left in the spool. An entry that cannot be read stays where it is: its key may be
   * back at the next start.
   *
   * @throws what the database throws.
   */
  async recover({ connections, providers }: Pick<Stores, 'connections' | 'providers'>): Promise<number> {
    if (this.#durable === null) return 0;
    const { spool, vault, onError } = this.#durable;
    let recovered = 0;
    for (const { slot, content } of spool.listFound()) {
      let spooled: SpooledRenewal;
      try {
        spooled = (await openJson(vault, content as SealedBlob, spoolContext)) as unknown as SpooledRenewal;
      } catch (error) {
        onError(new Error('an entry of the renewal spool cannot be opened', { cause: error }));
        continue;
      }
      const { connectionRef, version, context, renewed, issued } = spooled;
      const current = await connections.findByRef(connectionRef);
      const provider = current === null ? null : await providers.findAnyById(current.providerId);
      if (current === null || provider === null) {
        await spool.erase(slot, content.length);
        continue;
      }
      const connection = { ...current, version, ...(issued ?? (current.version === version ? {} : issuedNowhere)) };
      this.#byRef.set(connectionRef, { connection, provider: placeFor(provider, connection), context, renewed });
      this.#places.set(connectionRef, Promise.resolve({ slot, length: content.length }));
      recovered += 1;
    }
    return recovered;
  }

  async #spool({ spool, vault, onError }: UnsavedRenewalsInput, renewal: UnsavedRenewal): Promise<Place | null> {
    const { connection, context, renewed } = renewal;
    const { connectionRef, version, issuedOrigin, inputs, accountData } = connection;
    try {
      const issued = { issuedOrigin, inputs, accountData };
      const entry: SpooledRenewal = { connectionRef, version, context, renewed, issued };
      const sealed = sealJson(vault, JSON.parse(JSON.stringify(entry)), spoolContext);
      const slot = await spool.write(sealed);
      if (slot === null) throw new Error('the renewal spool is full');
      return { slot, length: sealed.length };
    } catch (error) {
      onError(new Error('a renewed credential waits in memory only', { cause: error }));
      return null;
    }
  }
}
