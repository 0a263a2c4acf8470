/** Brokers over one real database as far as the key ring goes: each with its own key provider, vault, fence and resealer. */
import { createHash, randomBytes } from 'node:crypto';
import { systemClock, toInstant } from '@nexus/core/clock';
import { createKekProbe } from '@nexus/vault/kek-probe';
import { type KeyProvider, VaultError, type WrapContext } from '@nexus/vault/key-provider';
import { createKeyRing } from '@nexus/vault/key-ring';
import { createMemoryKeyProvider } from '@nexus/vault/memory-key-provider';
import { openVault, sealJson, type Vault } from '@nexus/vault/vault';
import { AuditLog } from '../audit/audit-log.js';
import {
  flowContext,
  providerSecretsContext,
  sessionTokenContext,
  webhookSecretsContext,
} from '../domain/blob-context.js';
import type { StoredCredential } from '../domain/credential.js';
import type { RequestContext } from '../domain/request-context.js';
import { sealCredential } from '../grants/credential-custody.js';
import type { Database } from '../stores/database.js';
import {
  createCredentialInput,
  createFlow,
  createId,
  createSession,
  createWebhook,
  insertConnection,
  insertProvider,
} from '../stores/store-fixture.js';
import { Fence } from './fence.js';
import type { KeyRingDeps } from './key-ring-deps.js';
import { Resealer } from './resealer.js';

export const context: RequestContext = { requestId: 'request', principal: null, callerIp: null, userAgent: null };

/** Holds what a test puts in, from the next reload on. */
export class ChangingKeys implements KeyProvider {
  readonly id = 'changing';
  held: Readonly<Record<string, Uint8Array>>;
  isAway = false;
  #provider: KeyProvider;

  constructor(keys: Readonly<Record<string, Uint8Array>>) {
    this.held = keys;
    this.#provider = createMemoryKeyProvider({ keys });
  }

  async reload(): Promise<void> {
    this.#ask();
    this.#provider = createMemoryKeyProvider({ keys: this.held });
  }

  async keys() {
    return this.#ask().keys();
  }

  primary(): string {
    return this.#provider.primary();
  }

  async wrap(kekId: string, dek: Uint8Array, wrapContext: WrapContext): Promise<Uint8Array> {
    return this.#ask().wrap(kekId, dek, wrapContext);
  }

  async unwrap(kekId: string, wrapped: Uint8Array, wrapContext: WrapContext): Promise<Uint8Array> {
    return this.#ask().unwrap(kekId, wrapped, wrapContext);
  }

  #ask(): KeyProvider {
    if (this.isAway) throw new VaultError('provider_failed', 'no answer');
    return this.#provider;
  }
}

export interface TestBroker extends KeyRingDeps {
  readonly keyProvider: ChangingKeys;
  readonly resealer: Resealer;
  readonly config: { readonly backupRetentionDays: number };
  /** Errors of its background work. */
  readonly errors: unknown[];
  /** How many checkpoints were asked for. */
  readonly checkpoints: string[];
}

/** Makes the ring of an empty database. */
export async function createRing(database: Database, keys: ChangingKeys): Promise<void> {
  const rows = await createKeyRing({ provider: keys, now: toInstant(systemClock.now()) });
  const kek = { id: keys.primary(), ...(await createKekProbe(keys, keys.primary())) };
  await database.transaction(async (stores) => {
    for (const row of rows) await stores.keyRing.insert(row);
    await stores.keks.insert({ ...kek, state: 'primary' });
  });
}

/** A Broker at work, which has reported itself once. */
export async function startBroker(
  database: Database,
  keyProvider: ChangingKeys,
  options: { readonly retentionDays?: number; readonly rowsPerSecond?: number } = {},
): Promise<TestBroker> {
  const errors: unknown[] = [];
  const checkpoints: string[] = [];
  const onBackgroundError = (error: unknown) => void errors.push(error);
  const vault = await openVault({ provider: keyProvider, loadRows: () => database.stores.keyRing.list() });
  const audit = new AuditLog({ database, vault, clock: systemClock, file: null, onError: onBackgroundError });
  const instanceId = `replica-${createId()}`;
  const fence = new Fence({ database, vault, keyProvider, instanceId, version: '0.0.0', onBackgroundError });
  await fence.prove();
  await fence.beat();
  const { rowsPerSecond = 1_000_000, retentionDays: backupRetentionDays = 0 } = options;
  const resealer = new Resealer({ database, vault, audit, clock: systemClock, fence, rowsPerSecond });
  const checkpointNow = async () => {
    checkpoints.push(JSON.stringify(vault.sealingKeys()));
    await coverLog(database);
  };
  return {
    database,
    vault,
    keyProvider,
    audit,
    fence,
    auditSealer: { checkpointNow },
    onBackgroundError,
    resealer,
    config: { backupRetentionDays },
    errors,
    checkpoints,
  };
}

/** As far as coverage goes what a sealer does: nothing here looks at hashes or signatures. */
async function coverLog(database: Database): Promise<void> {
  await database.transaction(async ({ audit, auditChain }) => {
    const { entries } = await audit.listUnsealed(null, 500);
    if (entries.length === 0) return;
    const last = (await auditChain.head())?.seq ?? 0;
    const hash = new Uint8Array(32);
    await auditChain.insert(
      entries.map(({ id }, index) => ({ seq: last + index + 1, eventId: id, prevHash: hash, hash })),
    );
    const createdAt = toInstant(systemClock.now());
    await auditChain.insertCheckpoint({ size: last + entries.length, createdAt, note: '', keyId: 5 });
  });
}

export function createKek(): Uint8Array {
  return randomBytes(32);
}

function createCredential(secret: string): StoredCredential {
  return {
    kind: 'oauth2',
    accessToken: secret,
    refreshToken: `${secret}-refresh`,
    tokenType: 'Bearer',
    idToken: null,
    scope: 'read',
    expiresAt: null,
  };
}

export interface Planted {
  readonly providerId: string;
  /** Refs of active connections by the access token they hold. */
  readonly connections: ReadonlyMap<string, string>;
}

/** One value in every column that holds any, and as many connections as asked for. */
export async function plantValues(database: Database, vault: Vault, connections: number): Promise<Planted> {
  const providerId = createId();
  const planted = new Map<string, string>();
  await insertProvider(database, {
    providerId,
    sealedSecrets: sealJson(vault, ['client secret'], providerSecretsContext(providerId, 1)),
  });
  for (let index = 0; index < connections; index++) {
    const pending = await insertConnection(database, providerId);
    const secret = `at-${pending.connectionRef}`;
    const sealed = sealCredential(vault, pending, createCredential(secret), 1, 'https://provider.example');
    await database.transaction((stores) =>
      stores.connections.storeCredential(createCredentialInput(pending, { sealed })),
    );
    planted.set(secret, pending.connectionRef);
  }
  const connection = await insertConnection(database, providerId);
  const { connectionRef } = connection;
  const session = createSession({
    connectionRef,
    providerId,
    tokenVersion: 3,
    tokenOrigin: 'https://provider.example',
  });
  const flow = createFlow(connection);
  await database.transaction(async (stores) => {
    const token = createCredential('at-session');
    const sealedToken = sealJson(vault, { ...token }, sessionTokenContext(session, 3, session.tokenOrigin));
    await stores.sessions.insert({ ...session, sealedToken });
    await stores.flows.insert({
      ...flow,
      sealedSecrets: sealJson(vault, 'verifier', flowContext(flow, 'sealed_secrets')),
      sealedResult: sealJson(vault, 'grant', flowContext(flow, 'sealed_result')),
    });
  });
  const webhook = { ...createWebhook(), sealedSecrets: null };
  const sealedSecrets = sealJson(vault, 'whsec_', webhookSecretsContext(webhook.webhookId, webhook.version));
  await database.transaction((stores) => stores.webhooks.insert({ ...webhook, sealedSecrets }));
  return { providerId, connections: planted };
}

/** Entries of a type, oldest first, as they are stored. */
// biome-ignore lint/suspicious/noExplicitAny: tests read entries as they are
export async function readEntries(database: Database, type: string): Promise<readonly any[]> {
  const rows = await database.stores.audit.list({ eventTypes: [type], limit: 500 });
  return rows.map(({ entry }) => JSON.parse(entry.entry)).reverse();
}

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
