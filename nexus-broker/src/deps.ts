/** The composition root: opens everything in order and closes it in reverse. */
import { mkdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { findTemplate, listTemplates } from '@nexus/catalogue/templates';
import type { Clock } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import type { Logger } from '@nexus/http/logger';
import type { TlsOptions } from '@nexus/http/serve';
import type { KeyProvider } from '@nexus/vault/key-provider';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from './audit/audit-log.js';
import type { AuditSealer } from './audit/audit-sealer.js';
import { DatabaseClock } from './audit/database-clock.js';
import { checkpointFileOf } from './backup/known-checkpoints.js';
import { expectKnownHistory, refuseEmptyDatabase } from './backup/rollback.js';
import { type BrokerConfig, type BrokerSecrets, readDatabaseUrl } from './config.js';
import type { Connection } from './domain/connection.js';
import { InFlightLimiter } from './domain/in-flight-limiter.js';
import { MissLimiter } from './domain/miss-limiter.js';
import type { Catalogue } from './domain/profile-template.js';
import type { RequestContext } from './domain/request-context.js';
import { Fence } from './keyring/fence.js';
import { Resealer } from './keyring/resealer.js';
import { createGuardedFetch, type GuardedFetch } from './oauth/guarded-fetch.js';
import { createProviderClient, type ProviderClient } from './oauth/provider-client.js';
import type { UserTokenVerifier } from './oauth/user-token-verifier.js';
import { deleteConnection } from './services/connections/delete-connection.js';
import { EndedTokens } from './sessions/ended-tokens.js';
import { SessionTokens } from './sessions/session-tokens.js';
import { bootstrapKeys, type WrittenKeyFile } from './startup/bootstrap-keys.js';
import { exitOnLostWrite } from './startup/exit-on-lost-write.js';
import { openAudit } from './startup/open-audit.js';
import { openKeyRing } from './startup/open-key-ring.js';
import { openRefresh, type Refreshing } from './startup/open-refresh.js';
import { openUserTokens } from './startup/open-user-tokens.js';
import { readVersion } from './startup/read-version.js';
import { recordStart, recordStop } from './startup/record-start.js';
import { startJobs } from './startup/start-jobs.js';
import { type Database, openDatabase } from './stores/database.js';
import { ConnectionWatcher } from './waiters/connection-watcher.js';
import { WebhookDeliverer } from './webhooks/webhook-deliverer.js';

export interface Deps extends Refreshing {
  readonly config: BrokerConfig;
  readonly version: string;
  readonly environment: 'production' | 'development';
  readonly publicUrl: string;
  readonly pendingCaps: { readonly perSource: number; readonly total: number };
  readonly sessionCapPerKey: number;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly database: Database;
  readonly vault: Vault;
  readonly keyProvider: KeyProvider;
  readonly fence: Fence;
  readonly resealer: Resealer;
  readonly audit: AuditLog;
  readonly auditSealer: AuditSealer;
  readonly providerClient: ProviderClient;
  readonly catalogue: Catalogue;
  readonly sessionTokens: SessionTokens;
  readonly endedTokens: EndedTokens;
  readonly userTokens: UserTokenVerifier;
  readonly watcher: ConnectionWatcher;
  readonly webhookDeliverer: WebhookDeliverer;
  readonly missLimiter: MissLimiter;
  readonly authLimiter: MissLimiter;
  readonly captures: InFlightLimiter;
  readonly exchanges: InFlightLimiter;
  readonly userProofs: InFlightLimiter;
  readonly onBackgroundError: (error: unknown) => void;
  /** Why it cannot serve, in words for an operator; null when it can. Not null from the moment it is told to stop. */
  readonly findObstacle: () => Promise<string | null>;
  readonly endConnection: (connection: Connection, context: RequestContext) => Promise<void>;
}

export interface OpenedDeps {
  /** From now on the Broker is not ready. */
  stop(): void;
  readonly deps: Deps;
  /** Key files this first start wrote. */
  readonly keyFiles: readonly WrittenKeyFile[];
  /** Stops the background work and closes everything; requests have ended by then. */
  close(signal: string): Promise<void>;
}

interface OpenOptions {
  readonly clock?: Clock;
  /** Moves the database's clock; for tests only. A function is asked at every use. */
  readonly clockOffsetMs?: number | (() => number);
  /** The way out, which is closed with the rest; for tests only. */
  readonly guardedFetch?: GuardedFetch;
}

/** @throws VaultError or a database error; whatever was opened before is closed then. */
export async function openDeps(
  config: BrokerConfig,
  secrets: BrokerSecrets,
  logger: Logger,
  options: OpenOptions = {},
): Promise<OpenedDeps> {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const database = await openDatabase({
    url: readDatabaseUrl(config, secrets),
    ownerUrl: secrets.databaseOwnerUrl?.reveal() ?? null,
    poolSize: config.databasePoolSize,
    requireFsync: config.nexusEnv === 'production',
    onLostWrite: exitOnLostWrite,
    ...(options.clockOffsetMs === undefined ? {} : { clockOffsetMs: options.clockOffsetMs }),
  });
  try {
    // All Brokers of a database go by its clock: one whose own is wrong would hand out what has expired. A clock that a
    // test moves is the only one there is.
    const clock = options.clock ?? (await DatabaseClock.open(database));
    return await openOver(database, { config, secrets, logger, clock, guardedFetch: options.guardedFetch ?? null });
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

interface OpenInput {
  readonly config: BrokerConfig;
  readonly secrets: BrokerSecrets;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly guardedFetch: GuardedFetch | null;
}

/** Keys and log come first: nothing is done that could not be sealed or recorded. */
async function openKeysAndLog(database: Database, { config, secrets, logger, clock }: OpenInput) {
  const onBackgroundError = (error: unknown) => logger.error('background work failed', { error });
  await database.migrate();
  const checkpointFile = checkpointFileOf(config.dataDir);
  await refuseEmptyDatabase(database, checkpointFile);
  const { vault, keyProvider } = await openKeyRing({ database, clock, config, secrets });
  const onFault = (message: string) => logger.error(message);
  const checkpointFaults = await expectKnownHistory({ database, vault, onFault }, checkpointFile);
  const openedAudit = await openAudit({
    database,
    vault,
    clock,
    logger,
    config,
    onLostWrite: exitOnLostWrite,
    onError: onBackgroundError,
  });
  const { audit, auditSealer } = openedAudit;
  const version = await readVersion();
  const instanceId = nameInstance(clock);
  const fence = new Fence({ database, vault, keyProvider, instanceId, version, onBackgroundError });
  await fence.enter();
  await recordStart(database, audit, { version, environment: config.nexusEnv, checkpointFaults });
  const keyFiles = await bootstrapKeys(
    { database, audit, clock },
    { dataDir: config.dataDir, adminKey: secrets.adminApiKey, gatewayKey: secrets.gatewayApiKey },
  );
  const resealer = new Resealer({ database, vault, audit, clock, fence, rowsPerSecond: config.resealRowsPerSecond });
  const shared = { version, vault, keyProvider, fence, resealer, audit, auditSealer, onBackgroundError };
  return { shared, openedAudit, keyFiles };
}

async function openOver(database: Database, input: OpenInput): Promise<OpenedDeps> {
  const { config, logger, clock } = input;
  const { shared, openedAudit, keyFiles } = await openKeysAndLog(database, input);
  const { vault, fence, audit, auditSealer, onBackgroundError } = shared;
  const egress = { environment: config.nexusEnv, egressAllow: config.egressAllow };
  const guardedFetch = input.guardedFetch ?? createGuardedFetch(egress);
  const providerClient = createProviderClient({ guardedFetch, clock });
  const engine = { database, vault, audit, auditSealer, clock, providerClient, onBackgroundError };
  const { closeRefresh, ...refreshing } = await openRefresh({ ...engine, logger, dataDir: config.dataDir });
  const { refresh } = refreshing;
  const watcher = new ConnectionWatcher(database, onBackgroundError);
  const webhookDeliverer = await openWebhookDeliverer({ ...shared, database, clock, guardedFetch });
  const missLimiter = new MissLimiter(clock, config.unknownIdLimit);
  const endedTokens = new EndedTokens({ database, vault, clock, providerClient, onBackgroundError });
  const ending = { database, audit, vault, clock, providerClient, missLimiter, endedTokens };
  let isStopping = false;
  const deps: Deps = {
    config,
    environment: config.nexusEnv,
    publicUrl: config.publicUrl,
    pendingCaps: { perSource: config.pendingCapPerSource, total: config.pendingCapTotal },
    sessionCapPerKey: config.sessionCapPerKey,
    startedAt: clock.now(),
    clock,
    logger,
    database,
    ...shared,
    providerClient,
    catalogue: { findTemplate, listTemplates },
    ...refreshing,
    sessionTokens: new SessionTokens({ database, vault, audit, clock, refresh }),
    endedTokens,
    userTokens: await openUserTokens({ database, guardedFetch, clock, config, logger }),
    watcher,
    webhookDeliverer,
    missLimiter,
    ...createLimiters(clock, config),
    findObstacle: async () =>
      isStopping ? 'the Broker is stopping' : await findObstacle(database, audit, auditSealer),
    endConnection: async ({ connectionRef }, context) => {
      await deleteConnection(ending, { connection: connectionRef, reason: 'provider_deleted' }, context);
    },
  };
  auditSealer.start();
  const scheduler = startJobs(deps);
  if (clock instanceof DatabaseClock) scheduler.start({ everyMs: 30_000, run: () => clock.measure() });
  return {
    deps,
    keyFiles,
    stop() {
      isStopping = true;
      watcher.close();
      // A call to a provider that begins now might be cut off.
      void refreshing.dueRefreshes.close();
    },
    async close(signal) {
      deps.resealer.close();
      await scheduler.close();
      await webhookDeliverer.close().catch(onBackgroundError);
      await closeRefresh();
      await recordStop(audit, signal).catch(onBackgroundError);
      await openedAudit.close();
      await fence.leave().catch(onBackgroundError);
      await guardedFetch[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function openWebhookDeliverer(
  deps: Omit<ConstructorParameters<typeof WebhookDeliverer>[0], 'random'>,
): Promise<WebhookDeliverer> {
  const deliverer = new WebhookDeliverer({ ...deps, random: Math.random });
  await deliverer.forgetEarlierBoots();
  return deliverer;
}

/** The name of the host tells an operator which replica it is; the rest tells it from every earlier one. */
function nameInstance(clock: Clock): string {
  return `${hostname().slice(0, 64)}-${createUlid(clock.now())}`;
}

function createLimiters(clock: Clock, config: BrokerConfig) {
  return {
    authLimiter: new MissLimiter(clock, config.refusedKeyLimit),
    captures: new InFlightLimiter({ perKey: 1, total: 32 }),
    exchanges: new InFlightLimiter({ perKey: 64, total: 128 }),
    userProofs: new InFlightLimiter({ perKey: 16, total: 64 }),
  };
}

/** Ready means that reads and audit writes get through. */
async function findObstacle(database: Database, audit: AuditLog, auditSealer: AuditSealer): Promise<string | null> {
  try {
    await database.ping();
  } catch {
    return 'the database does not answer';
  }
  const failure = database.recentFailure() ?? auditSealer.findObstacle();
  return failure ?? ((await audit.isWritable()) ? null : 'the audit log cannot be written');
}

/** PEM texts of the listener, or null for plain HTTP on loopback. */
export async function readTls(config: BrokerConfig): Promise<TlsOptions | null> {
  const { brokerTlsCertFile: cert, brokerTlsKeyFile: key, brokerTlsClientCaFile: clientCa } = config;
  if (cert === null || key === null || clientCa === null) return null;
  const [certText, keyText, caText] = await Promise.all([cert, key, clientCa].map((file) => readFile(file, 'utf8')));
  return { cert: certText ?? '', key: keyText ?? '', clientCa: caText ?? '' };
}
