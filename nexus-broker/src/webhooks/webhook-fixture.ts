/** Webhooks over one real database, at a receiver that answers as a test says. */
import { systemClock, toInstant } from '@nexus/core/clock';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { createKeyRing } from '@nexus/vault/key-ring';
import { createMemoryKeyProvider } from '@nexus/vault/memory-key-provider';
import { openVault, type Vault } from '@nexus/vault/vault';
import { AuditLog } from '../audit/audit-log.js';
import type { RequestContext } from '../domain/request-context.js';
import { type WebhookEventType, webhookEventTypes } from '../domain/webhook.js';
import { createGuardedFetch, type GuardedFetch, type GuardedFetchSettings } from '../oauth/guarded-fetch.js';
import { createWebhook, type WebhookDeps } from '../services/webhooks/create-webhook.js';
import type { Database } from '../stores/database.js';
import { createCredentialInput, insertConnection, insertProvider } from '../stores/store-fixture.js';
import { WebhookDeliverer } from './webhook-deliverer.js';

export const context: RequestContext = { requestId: 'request', principal: null, callerIp: null, userAgent: null };

export interface Registered {
  readonly webhookId: string;
  readonly path: string;
  readonly secret: string;
}

export interface ReceivedEvent {
  readonly id: string;
  readonly type: WebhookEventType;
  readonly ref: string;
  readonly status: string;
}

export class WebhookRig implements AsyncDisposable {
  readonly deps: WebhookDeps;
  readonly receiver: ScriptedProvider;
  readonly deliverer: WebhookDeliverer;
  readonly errors: unknown[] = [];
  readonly providerName: string;
  readonly #providerId: string;
  readonly #guards: GuardedFetch[] = [];
  readonly #deliverers: WebhookDeliverer[] = [];

  static async open(database: Database, guard: Partial<GuardedFetchSettings> = {}): Promise<WebhookRig> {
    const provider = createMemoryKeyProvider({ keys: { primary: new Uint8Array(32).fill(7) } });
    const rows = await createKeyRing({ provider, now: toInstant(Date.now()) });
    const vault = await openVault({ provider, loadRows: async () => rows });
    const { providerId, profile } = await insertProvider(database);
    const receiver = await startScriptedProvider();
    return new WebhookRig({ database, vault, receiver, providerId, providerName: profile.name }, guard);
  }

  private constructor(
    parts: {
      readonly database: Database;
      readonly vault: Vault;
      readonly receiver: ScriptedProvider;
      readonly providerId: string;
      readonly providerName: string;
    },
    guard: Partial<GuardedFetchSettings>,
  ) {
    const { database, vault } = parts;
    this.receiver = parts.receiver;
    this.#providerId = parts.providerId;
    this.providerName = parts.providerName;
    const guardedFetch = this.#openGuard(guard);
    const audit = new AuditLog({ database, vault, clock: systemClock, onError: (error) => this.errors.push(error) });
    this.deps = { database, audit, vault, clock: systemClock, providerClient: guardedFetch };
    this.deliverer = this.#openDeliverer(database, guardedFetch);
  }

  #openGuard(settings: Partial<GuardedFetchSettings>): GuardedFetch {
    const guard = createGuardedFetch({ environment: 'development', egressAllow: [], ...settings });
    this.#guards.push(guard);
    return guard;
  }

  #openDeliverer(database: Database, guardedFetch: GuardedFetch): WebhookDeliverer {
    const onBackgroundError = (error: unknown) => this.errors.push(error);
    const deliverer = new WebhookDeliverer({
      ...this.deps,
      database,
      guardedFetch,
      random: () => 0.5,
      onBackgroundError,
    });
    this.#deliverers.push(deliverer);
    return deliverer;
  }

  /** Another Broker on the same database. */
  addReplica(database: Database): WebhookDeliverer {
    return this.#openDeliverer(database, this.#openGuard({}));
  }

  async register(path: string, events: readonly WebhookEventType[] = webhookEventTypes): Promise<Registered> {
    const input = { url: this.receiver.url(path), events, active: true };
    const { webhook, secret } = await createWebhook(this.deps, input, context);
    return { webhookId: webhook.webhookId, path, secret };
  }

  /** A connection that has just become active. */
  async connect(): Promise<string> {
    const { database } = this.deps;
    const connection = await insertConnection(database, this.#providerId);
    await database.transaction((stores) => stores.connections.storeCredential(createCredentialInput(connection)));
    return connection.connectionRef;
  }

  /** A connection that runs out at once. */
  async runOut(): Promise<string> {
    const { database } = this.deps;
    const connection = await insertConnection(database, this.#providerId);
    await database.transaction((stores) =>
      stores.connections.extendPending({ connectionRef: connection.connectionRef, reason: 'expired', seconds: -1 }),
    );
    return connection.connectionRef;
  }

  /** Needs attention, and is active again. */
  async flap(connectionRef: string): Promise<void> {
    const { database } = this.deps;
    const connection = await database.stores.connections.findByRef(connectionRef);
    if (connection === null) throw new Error('no connection');
    const at = toInstant(Date.now());
    await database.transaction((stores) =>
      stores.connections.markAttention({
        connectionRef,
        expectedVersion: connection.version,
        reason: 'grant_revoked',
        at,
      }),
    );
    const input = createCredentialInput(connection, { expectedVersion: connection.version, from: ['attention'] });
    await database.transaction((stores) => stores.connections.storeCredential(input));
  }

  async revoke(connectionRef: string): Promise<void> {
    const at = toInstant(Date.now());
    await this.deps.database.transaction((stores) => stores.connections.markRevoked({ connectionRef, at }));
  }

  /** Everything that is due now goes out, and what becomes due by that. */
  async deliver(): Promise<void> {
    await this.deliverer.run();
    await this.deliverer.settled();
  }

  received(path: string): readonly ReceivedEvent[] {
    return this.receiver.requests(path).map(({ headers, body }) => {
      const { type, data } = JSON.parse(body);
      return { id: String(headers['webhook-id']), type, ref: data.connection_ref, status: data.status };
    });
  }

  deliveries(webhookId: string) {
    const filter = { webhookId, status: null, connectionRef: null, before: null, limit: 500 };
    return this.deps.database.stores.webhookDeliveries.list(filter);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const deliverer of this.#deliverers) await deliverer.close();
    for (const guard of this.#guards) await guard[Symbol.asyncDispose]();
    await this.receiver.close();
  }
}
