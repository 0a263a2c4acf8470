/** The composition root: opens everything in order and closes it in reverse. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@nexus/core/clock';
import { systemClock } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import type { Logger } from '@nexus/http/logger';
import type { TlsOptions } from '@nexus/http/serve';
import type { Vault } from '@nexus/vault/vault';
import { AuditLog } from './audit/audit-log.js';
import type { BrokerConfig, BrokerSecrets } from './config.js';
import type { Connection } from './domain/connection.js';
import { InFlightLimiter } from './domain/in-flight-limiter.js';
import { MissLimiter } from './domain/miss-limiter.js';
import { type RequestContext, systemOrigin } from './domain/request-context.js';
import { Scheduler } from './jobs/scheduler.js';
import { createGuardedFetch } from './oauth/guarded-fetch.js';
import { createProviderClient, type ProviderClient } from './oauth/provider-client.js';
import type { UserTokenVerifier } from './oauth/user-token-verifier.js';
import { RefreshEngine } from './refresh/refresh-engine.js';
import { deleteConnection } from './services/connections/delete-connection.js';
import { discardUncompleted, purgeFlows } from './services/flows/sweep-flows.js';
import { purgeSessions, sweepSessions } from './services/sessions/sweep-sessions.js';
import { EndedTokens } from './sessions/ended-tokens.js';
import { SessionTokens } from './sessions/session-tokens.js';
import { bootstrapKeys, type WrittenKeyFile } from './startup/bootstrap-keys.js';
import { openKeyRing } from './startup/open-key-ring.js';
import { openUserTokens } from './startup/open-user-tokens.js';
import { recordStart, recordStop } from './startup/record-start.js';
import { type Database, openDatabase } from './stores/database.js';
import { ConnectionWatcher } from './waiters/connection-watcher.js';

export interface Deps {
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
  readonly audit: AuditLog;
  readonly providerClient: ProviderClient;
  readonly refresh: RefreshEngine;
  readonly sessionTokens: SessionTokens;
  readonly endedTokens: EndedTokens;
  readonly userTokens: UserTokenVerifier;
  readonly watcher: ConnectionWatcher;
  readonly missLimiter: MissLimiter;
  readonly authLimiter: MissLimiter;
  readonly captures: InFlightLimiter;
  readonly exchanges: InFlightLimiter;
  readonly userProofs: InFlightLimiter;
  readonly onBackgroundError: (error: unknown) => void;
  /** Whether it can serve: set to false at once when it is told to stop. */
  readonly isReady: () => Promise<boolean>;
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
    url: secrets.databaseUrl?.reveal() ?? `sqlite:${join(config.dataDir, 'nexus.db')}`,
    poolSize: config.databasePoolSize,
    requireFsync: config.nexusEnv === 'production',
    ...(options.clockOffsetMs === undefined ? {} : { clockOffsetMs: options.clockOffsetMs }),
  });
  try {
    return await openOver(database, { config, secrets, logger, clock: options.clock ?? systemClock });
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
}

async function openOver(database: Database, { config, secrets, logger, clock }: OpenInput): Promise<OpenedDeps> {
  const onBackgroundError = (error: unknown) => logger.error('background work failed', { error });
  await database.migrate();
  const keyFile = config.keyFile ?? join(config.dataDir, 'kek.key');
  const { vault, created } = await openKeyRing({ database, clock, keyFile });
  const audit = new AuditLog({ database, vault, clock, onError: onBackgroundError });
  const version = await readVersion();
  await recordStart(database, audit, { version, environment: config.nexusEnv, createdKeys: created });
  const keyFiles = await bootstrapKeys(
    { database, audit, clock },
    { dataDir: config.dataDir, adminKey: secrets.adminApiKey, gatewayKey: secrets.gatewayApiKey },
  );
  const guardedFetch = createGuardedFetch({ environment: config.nexusEnv, egressAllow: config.egressAllow });
  const providerClient = createProviderClient({ guardedFetch, clock });
  const refresh = new RefreshEngine({ database, vault, audit, clock, providerClient });
  await refresh.forgetEarlierBoots();
  const watcher = new ConnectionWatcher(database, onBackgroundError);
  const missLimiter = new MissLimiter(clock, config.unknownIdLimit);
  const endedTokens = new EndedTokens({ database, vault, clock, providerClient, onBackgroundError });
  const ending = { database, audit, vault, clock, providerClient, missLimiter, endedTokens };
  let isStopping = false;
  const deps: Deps = {
    config,
    version,
    environment: config.nexusEnv,
    publicUrl: config.publicUrl,
    pendingCaps: { perSource: config.pendingCapPerSource, total: config.pendingCapTotal },
    sessionCapPerKey: config.sessionCapPerKey,
    startedAt: clock.now(),
    clock,
    logger,
    database,
    vault,
    audit,
    providerClient,
    refresh,
    sessionTokens: new SessionTokens({ database, vault, clock, refresh }),
    endedTokens,
    userTokens: await openUserTokens({ database, guardedFetch, clock, config, logger }),
    watcher,
    missLimiter,
    authLimiter: new MissLimiter(clock, config.refusedKeyLimit),
    captures: new InFlightLimiter({ perKey: 1, total: 32 }),
    exchanges: new InFlightLimiter({ perKey: 64, total: 128 }),
    userProofs: new InFlightLimiter({ perKey: 16, total: 64 }),
    onBackgroundError,
    isReady: async () => !isStopping && (await canServe(database, audit)),
    endConnection: async ({ connectionRef }, context) => {
      await deleteConnection(ending, { connection: connectionRef, reason: 'provider_deleted' }, context);
    },
  };
  const scheduler = startJobs(deps);
  return {
    deps,
    keyFiles,
    stop() {
      isStopping = true;
      watcher.close();
    },
    async close(signal) {
      await scheduler.close();
      await refresh.close().catch(onBackgroundError);
      await recordStop(audit, signal).catch(onBackgroundError);
      await audit.close();
      await guardedFetch[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Ready means that reads and audit writes get through. */
async function canServe(database: Database, audit: AuditLog): Promise<boolean> {
  try {
    await database.ping();
    return await audit.isWritable();
  } catch {
    return false;
  }
}

function startJobs(deps: Deps): Scheduler {
  const scheduler = new Scheduler(deps.onBackgroundError);
  scheduler.start({
    everyMs: 5_000,
    run: () => discardUncompleted(deps, systemOrigin(createUlid(deps.clock.now()))),
  });
  scheduler.start({ everyMs: 5_000, run: () => deps.refresh.storeUnsaved() });
  scheduler.start({
    everyMs: 5_000,
    run: () => sweepSessions(deps, systemOrigin(createUlid(deps.clock.now()))),
  });
  scheduler.start({ everyMs: 300_000, run: () => purgeFlows(deps) });
  scheduler.start({ everyMs: 300_000, run: () => purgeSessions(deps) });
  return scheduler;
}

/** The package file lies one folder above both the source and the compiled code. */
async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** PEM texts of the listener, or null for plain HTTP on loopback. */
export async function readTls(config: BrokerConfig): Promise<TlsOptions | null> {
  const { brokerTlsCertFile: cert, brokerTlsKeyFile: key, brokerTlsClientCaFile: clientCa } = config;
  if (cert === null || key === null || clientCa === null) return null;
  const [certText, keyText, caText] = await Promise.all([cert, key, clientCa].map((file) => readFile(file, 'utf8')));
  return { cert: certText ?? '', key: keyText ?? '', clientCa: caText ?? '' };
}
