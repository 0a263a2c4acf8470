/** Further Brokers on the PostgreSQL database of a stack, as they run beside the first one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reservePorts, startService } from './service-process.js';
import { type Answer, type RequestOptions, type Stack, send } from './stack.js';

export interface Replica {
  readonly brokerUrl: string;
  readonly gatewayUrl: string;
  broker(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** A Gateway in front of this replica. */
  gateway(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** Everything its Broker wrote since it was started last. */
  logs(): string;
  brokerPid(): number;
  killBroker(): Promise<void>;
  /** Starts the Broker again after a kill. */
  startBroker(): Promise<void>;
  close(): Promise<void>;
}

interface ReplicaOptions {
  /** Its own copy of the key file; without it, the first Broker's. */
  readonly keyFile?: string;
  readonly brokerEnv?: Readonly<Record<string, string>>;
  /** Another compiled checkout, for services of another version. */
  readonly root?: string;
}

export async function startReplica(stack: Stack, options: ReplicaOptions = {}): Promise<Replica> {
  const dataDir = await mkdtemp(join(tmpdir(), 'nexus-replica-'));
  const [brokerPort, gatewayPort] = (await reservePorts(2)) as [number, number];
  const brokerUrl = `http://127.0.0.1:${brokerPort}`;
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
  const from = options.root === undefined ? {} : { root: options.root };
  const common = { NEXUS_ENV: 'development', PUBLIC_URL: stack.gatewayUrl };
  const startBroker = () =>
    startService({
      main: 'nexus-broker/dist/main.js',
      ...from,
      env: {
        ...common,
        DATA_DIR: dataDir,
        DATABASE_URL: stack.databaseUrl,
        KEY_FILE: options.keyFile ?? join(stack.dataDir, 'kek.key'),
        BROKER_PORT: String(brokerPort),
        ...options.brokerEnv,
      },
      readyUrl: `${brokerUrl}/readyz`,
    });
  let broker = await startBroker();
  const gateway = await startService({
    main: 'nexus-gateway/dist/main.js',
    ...from,
    env: {
      ...common,
      GATEWAY_PORT: String(gatewayPort),
      BROKER_URL: brokerUrl,
      GATEWAY_API_KEY_FILE: join(stack.dataDir, 'gateway.key'),
    },
    readyUrl: `${gatewayUrl}/readyz`,
  });
  return {
    brokerUrl,
    gatewayUrl,
    broker: (method, path, request) => send(brokerUrl, method, path, { key: stack.adminKey, ...request }),
    gateway: (method, path, request) => send(gatewayUrl, method, path, request),
    logs: () => broker.output(),
    brokerPid: () => broker.pid,
    async killBroker() {
      await broker.stop('SIGKILL');
    },
    async startBroker() {
      broker = await startBroker();
    },
    async close() {
      await gateway.stop('SIGTERM');
      await broker.stop('SIGTERM');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
