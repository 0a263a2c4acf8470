import { readFileSync } from 'node:fs';
import type { BrokerClient } from '@nexus/broker-api/client';
import { createBrokerClient } from '@nexus/broker-api/client';
import type { Clock } from '@nexus/core/clock';
import { systemClock } from '@nexus/core/clock';
import type { Logger } from '@nexus/http/logger';
import { createLogger } from '@nexus/http/logger';
import type { GatewayConfig, GatewaySecrets } from './config.js';

/** What the Gateway works with. It holds no store and no key material but its own way to the Broker. */
export interface Deps {
  readonly config: GatewayConfig;
  readonly broker: BrokerClient;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly version: string;
  /** Aborted when shutdown begins: readiness ends and held polls are answered. */
  readonly stopping: AbortSignal;
}

export interface RunningDeps extends Deps, AsyncDisposable {
  /** Begins shutdown; safe to call again. */
  stop(): void;
}

/** Composition root: opens the way to the Broker and returns what the routes use. */
export function createDeps(config: GatewayConfig, secrets: GatewaySecrets): RunningDeps {
  const stopper = new AbortController();
  const broker = createBrokerClient({
    brokerUrl: config.brokerUrl,
    gatewayKey: secrets.gatewayApiKey,
    connections: config.brokerConnections,
    tls: readTlsFiles(config),
  });
  return {
    config,
    broker,
    logger: createLogger({ level: config.logLevel, service: 'gateway' }),
    clock: systemClock,
    version: readVersion(),
    stopping: stopper.signal,
    stop: () => stopper.abort(),
    [Symbol.asyncDispose]: () => broker.close(),
  };
}

function readTlsFiles(config: GatewayConfig): { ca: string | null; cert: string | null; key: string | null } | null {
  if (config.brokerCaFile === null && config.brokerClientCertFile === null) return null;
  return {
    ca: readPem(config.brokerCaFile),
    cert: readPem(config.brokerClientCertFile),
    key: readPem(config.brokerClientKeyFile),
  };
}

function readPem(path: string | null): string | null {
  return path === null ? null : readFileSync(path, 'utf8');
}

/** The package file lies one folder above both the source and the compiled code. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null;
  return typeof version === 'string' ? version : '0.0.0';
}
