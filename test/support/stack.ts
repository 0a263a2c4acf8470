/** Broker and Gateway as two real processes on a scratch database, with the keys of their first start. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScratchDatabase } from '@nexus/testkit/postgres';
import { reservePorts, type ServiceProcess, startService } from './service-process.js';

export type Engine = 'sqlite' | 'postgres';
export const engines: readonly Engine[] = ['sqlite', 'postgres'];

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers as the wire gives them
  readonly body: any;
}

export interface RequestOptions {
  readonly key?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as a form instead. */
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Stack {
  readonly engine: Engine;
  readonly gatewayUrl: string;
  readonly brokerUrl: string;
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly adminKey: string;
  readonly gatewayKey: string;
  /** One request to the Gateway; the body is parsed where it is JSON. */
  gateway(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** One request to the Broker with the admin key. */
  broker(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** All output of both services since the first start. */
  logs(): string;
  brokerPid(): number;
  killBroker(): Promise<void>;
  /** Starts the Broker again after a kill or stop. */
  startBroker(env?: Readonly<Record<string, string>>): Promise<void>;
  stopBroker(signal: NodeJS.Signals): Promise<number | null>;
  close(): Promise<void>;
}

interface StackOptions {
  readonly engine: Engine;
  /** Host name people reach the Gateway by; `localhost` makes it cross-site to providers on 127.0.0.1. */
  readonly publicHost?: string;
  /** An empty database of PostgreSQL that the caller made and drops, instead of a scratch one. */
  readonly databaseUrl?: string;
  readonly brokerEnv?: Readonly<Record<string, string>>;
  readonly gatewayEnv?: Readonly<Record<string, string>>;
  /** Another compiled checkout, for services of another version. */
  readonly root?: string;
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const dataDir = await mkdtemp(join(tmpdir(), 'nexus-test-'));
  const needsScratch = options.engine === 'postgres' && options.databaseUrl === undefined;
  const scratch = needsScratch ? await createScratchDatabase() : null;
  const databaseUrl = options.databaseUrl ?? scratch?.url ?? `sqlite:${join(dataDir, 'nexus.db')}`;
  const [brokerPort, gatewayPort] = (await reservePorts(2)) as [number, number];
  const brokerUrl = `http://127.0.0.1:${brokerPort}`;
  const gatewayUrl = `http://${options.publicHost ?? '127.0.0.1'}:${gatewayPort}`;
  const brokerEnv: Record<string, string> = {
    NEXUS_ENV: 'development',
    DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    BROKER_PORT: String(brokerPort),
    PUBLIC_URL: gatewayUrl,
    LOG_LEVEL: 'trace',
    ...options.brokerEnv,
  };
  const from = options.root === undefined ? {} : { root: options.root };
  const outputs: ServiceProcess[] = [];
  const startBroker = async (env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> => {
    const started = await startService({
      main: 'nexus-broker/dist/main.js',
      ...from,
      env: { ...brokerEnv, ...env },
      readyUrl: `${brokerUrl}/readyz`,
    });
    outputs.push(started);
    return started;
  };
  let broker = await startBroker();
  const gateway = await startService({
    main: 'nexus-gateway/dist/main.js',
    ...from,
    env: {
      NEXUS_ENV: 'development',
      GATEWAY_PORT: String(gatewayPort),
      PUBLIC_URL: gatewayUrl,
      BROKER_URL: brokerUrl,
      GATEWAY_API_KEY_FILE: join(dataDir, 'gateway.key'),
      LOG_LEVEL: 'trace',
      ...options.gatewayEnv,
    },
    readyUrl: `http://127.0.0.1:${gatewayPort}/readyz`,
  });
  outputs.push(gateway);
  const adminKey = (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim();
  const gatewayKey = (await readFile(join(dataDir, 'gateway.key'), 'utf8')).trim();
  return {
    engine: options.engine,
    gatewayUrl,
    brokerUrl,
    dataDir,
    databaseUrl,
    adminKey,
    gatewayKey,
    gateway: (method, path, request) => send(`http://127.0.0.1:${gatewayPort}`, method, path, request),
    broker: (method, path, request) => send(brokerUrl, method, path, { key: adminKey, ...request }),
    logs: () => outputs.map((service) => service.output()).join('\n'),
    brokerPid: () => broker.pid,
    async killBroker() {
      await broker.stop('SIGKILL');
    },
    async startBroker(env) {
      broker = await startBroker(env);
    },
    stopBroker: (signal) => broker.stop(signal),
    async close() {
      await gateway.stop('SIGTERM');
      await broker.stop('SIGTERM');
      await scratch?.[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export async function send(
  origin: string,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const response = await fetch(origin + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(options.key === undefined ? {} : { 'X-API-Key': options.key }),
      ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    // A form names its own content type.
    ...(options.form === undefined ? {} : { body: new URLSearchParams(options.form) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
