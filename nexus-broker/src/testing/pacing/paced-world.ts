/** Brokers that share one database, and a provider at which their schedules refresh; time moves only when a test moves it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toInstant } from '@nexus/core/clock';
import { createKeyRing } from '@nexus/vault/key-ring';
import { createMemoryKeyProvider } from '@nexus/vault/memory-key-provider';
import { openVault, type Vault } from '@nexus/vault/vault';
import { AuditLog } from '../../audit/audit-log.js';
import { requireActive } from '../../disclosure/active-connection.js';
import { renewWhereDue } from '../../disclosure/read-credential.js';
import type { OauthCredential } from '../../domain/credential.js';
import { refreshDueAt } from '../../domain/grant.js';
import type { RefreshPolicy } from '../../domain/profile-quirks.js';
import type { Provider } from '../../domain/provider.js';
import { isAlive } from '../../domain/read-plan.js';
import { systemContext } from '../../domain/request-context.js';
import { sealCredential } from '../../grants/credential-custody.js';
import { sealClientSecrets } from '../../grants/provider-secrets.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import { createFailure, type ProviderCallFailure } from '../../oauth/provider-error.js';
import { DueRefreshes } from '../../refresh/due-refreshes.js';
import { PacedGate } from '../../refresh/pacing/paced-gate.js';
import { RefreshEngine } from '../../refresh/refresh-engine.js';
import { type Database, openDatabase } from '../../stores/database.js';
import {
  createConnection,
  createCredentialInput,
  createId,
  createProfile,
  insertProvider,
} from '../../stores/store-fixture.js';
import { Timeline } from '../refresh/timeline.js';

const origin = 'https://provider.example';
const startMs = Date.UTC(2026, 5, 1);

export interface PacedBroker {
  readonly engine: RefreshEngine;
  readonly gate: PacedGate;
  readonly schedule: DueRefreshes;
}

export class PacedWorld {
  readonly timeline = new Timeline(startMs);
  readonly clock = { now: () => Math.floor(this.timeline.nowMs) };
  readonly folder = mkdtempSync(join(tmpdir(), 'nexus-paced-'));
  readonly logged: string[] = [];
  /** When the provider was called, in Unix ms. */
  readonly calls: number[] = [];
  readonly brokers: PacedBroker[] = [];
  readonly refs: string[] = [];
  /** What the provider answers instead of a token. */
  failure: ProviderCallFailure | null = null;
  latencyMs = 150;
  database!: Database;
  provider!: Provider;
  #vault!: Vault;
  #isRunning = true;

  async open(brokers: number, refresh: Partial<RefreshPolicy> = {}): Promise<this> {
    const clockOffsetMs = () => this.timeline.nowMs - Date.now();
    this.database = await openDatabase({ url: `sqlite:${join(this.folder, 'nexus.db')}`, clockOffsetMs });
    await this.database.migrate();
    const keys = createMemoryKeyProvider();
    const rows = await createKeyRing({ provider: keys, now: toInstant(startMs) });
    this.#vault = await openVault({ provider: keys, loadRows: async () => rows });
    const providerId = createId();
    const standard = createProfile();
    this.provider = await insertProvider(this.database, {
      providerId,
      sealedSecrets: sealClientSecrets(this.#vault, providerId, 1, ['fixture-secret']),
      profile: { ...standard, tokenUrl: `${origin}/token`, refresh: { ...standard.refresh, ...refresh } },
    });
    for (let index = 0; index < brokers; index++) this.brokers.push(this.#createBroker());
    return this;
  }

  async close(): Promise<void> {
    this.#isRunning = false;
    await this.pass(15);
    await this.database[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true });
  }

  #createBroker(): PacedBroker {
    const { database, clock, timeline, logged } = this;
    const log = (message: string) => logged.push(message);
    const onBackgroundError = (error: unknown) => logged.push(String(error));
    const sleep = (ms: number) => timeline.sleep(ms);
    const gate = new PacedGate({ database, clock, sleep, logger: { warn: log, error: log } });
    const audit = new AuditLog({ database, vault: this.#vault, clock, onError: onBackgroundError });
    const providerClient = this.#createClient();
    const monotonicMs = () => timeline.nowMs;
    const own = { database, vault: this.#vault, audit, clock, providerClient, gate, sleep, monotonicMs };
    const engine = new RefreshEngine(own);
    const schedule = new DueRefreshes({ database, clock, refresh: engine, onBackgroundError });
    const tick = async (): Promise<void> => {
      while (this.#isRunning) {
        await timeline.sleep(700 + Math.random() * 600);
        await schedule.run();
      }
    };
    void tick();
    return { engine, gate, schedule };
  }

  #createClient(): ProviderClient {
    const never = () => Promise.reject(new Error('a schedule does not ask for this'));
    return {
      describeServer: never,
      trustedOrigins: async () => [origin],
      knownTokenEndpointOrigin: () => origin,
      buildAuthorizationUrl: never,
      exchangeCode: never,
      probe: never,
      checkUrl: never,
      narrowToken: never,
      revokeToken: never,
      refreshGrant: async ({ refreshToken }) => {
        this.calls.push(this.clock.now());
        await this.timeline.sleep(this.latencyMs);
        if (this.failure !== null) return { kind: 'failed', failure: this.failure };
        const tokenSet = { ...this.#mint(this.clock.now(), 3_600), refreshToken: `${refreshToken}+` };
        return { kind: 'refreshed', tokenSet, issuedOrigin: origin, isRotated: true };
      },
    };
  }

  #mint(bornMs: number, lifeSeconds: number): OauthCredential {
    const expiresAt = Math.floor(bornMs / 1_000) + lifeSeconds;
    const words = { kind: 'oauth2', tokenType: 'Bearer', idToken: null, scope: 'read' } as const;
    return { ...words, accessToken: createId(), refreshToken: createId(), expiresAt };
  }

  /** Grants of one birth, all of them in use; `spent` is the share of their tokens' life that is over. */
  async connect(count: number, spent: number, lifeSeconds = 3_600): Promise<void> {
    const { providerId } = this.provider;
    const now = this.clock.now();
    const bornMs = now - lifeSeconds * spent * 1_000;
    await this.database.transaction(async ({ connections }) => {
      for (let index = 0; index < count; index++) {
        const connection = createConnection(providerId);
        const { connectionRef } = connection;
        const held = this.#mint(bornMs, lifeSeconds);
        await connections.insert(connection, 600);
        await connections.storeCredential(
          createCredentialInput(connection, {
            sealed: sealCredential(this.#vault, connection, held, 1, origin),
            accessExpiresAt: held.expiresAt,
            refreshAfter: refreshDueAt(held, bornMs, connectionRef, 1),
            issuedOrigin: origin,
            at: toInstant(now),
          }),
        );
        await connections.touchRead([connectionRef], toInstant(now));
        this.refs.push(connectionRef);
      }
    });
  }

  pass(seconds: number): Promise<void> {
    return this.timeline.runUntil(this.timeline.nowMs + seconds * 1_000, () => 0);
  }

  /** Whether a reader gets a token that lives. */
  async read(connectionRef: string): Promise<boolean> {
    const { clock, database, provider } = this;
    const engine = this.brokers[0]?.engine;
    const found = await database.stores.connections.findByRef(connectionRef);
    if (found === null || engine === undefined) throw new Error('there is nothing to read');
    const deps = { database, clock, refresh: engine, onBackgroundError: () => undefined };
    const need = { minValiditySeconds: 0, context: systemContext('read') };
    const current = await renewWhereDue(deps, await requireActive(database, found), provider, need);
    return isAlive(current, clock.now());
  }

  /** How many were never renewed. */
  async countOld(): Promise<number> {
    const all = await this.database.stores.connections.list({});
    return all.filter(({ version }) => version === 1).length;
  }

  callsSince(fromMs: number): number[] {
    return this.calls.filter((at) => at >= fromMs);
  }
}

export const outage: ProviderCallFailure = { ...createFailure('transient'), upstreamStatus: 503 };
export const refusedClient: ProviderCallFailure = {
  ...createFailure('configuration', 'invalid_client'),
  upstreamStatus: 401,
};

/**
 * The most calls that any second saw, wherever it begins; nearly a second, because a database whose clock is moved has
 * the true time pass on top of it.
 */
export function peakOf(calls: readonly number[]): number {
  return Math.max(0, ...calls.map((from) => calls.filter((at) => at >= from && at < from + 970).length));
}
