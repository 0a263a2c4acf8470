import { join } from 'node:path';
import type { Environment } from './environment.js';
import { isSwitchedOn } from './environment.js';
import { StartError } from './failure.js';
import type { StartOptions } from './options.js';
import { host, type PortName } from './ports.js';
import { isWebUrl } from './web-url.js';

/** Every address and path of one run, decided before anything is started. */
export interface Layout {
  readonly dataDirectory: string;
  readonly workingDirectory: string;
  readonly gatewayPort: number;
  readonly brokerPort: number;
  readonly gatewayUrl: string;
  readonly publicUrl: string;
  readonly brokerUrl: string;
  readonly adminKeyFile: string;
  readonly gatewayKeyFile: string;
  /** Null when the services log to the terminal. */
  readonly logDirectory: string | null;
  readonly demo: DemoLayout | null;
}

export interface DemoLayout {
  readonly port: number;
  readonly url: string;
  readonly directory: string;
  readonly clientSecretFile: string;
  readonly registrationFile: string;
  readonly returnUrl: string;
}

function readPublicUrl(environment: Environment, gatewayUrl: string): string {
  const given = environment['PUBLIC_URL'];
  if (given === undefined || given === '') return gatewayUrl;
  if (!isWebUrl(given)) throw new StartError(`PUBLIC_URL must be an http or https address, not "${given}".`);
  return given.replace(/\/+$/, '');
}

function describeDemo(dataDirectory: string, port: number): DemoLayout {
  const url = `http://${host}:${port}`;
  const directory = join(dataDirectory, 'demo-provider');
  return {
    port,
    url,
    directory,
    clientSecretFile: join(directory, 'client-secret'),
    registrationFile: join(directory, 'registered.json'),
    returnUrl: `${url}/demo-app/return`,
  };
}

export function planLayout(input: {
  readonly options: StartOptions;
  readonly ports: ReadonlyMap<PortName, number>;
  readonly environment: Environment;
  readonly workingDirectory: string;
}): Layout {
  const { options, environment, workingDirectory } = input;
  const { dataDirectory } = options;
  const gatewayPort = input.ports.get('gateway') ?? options.gatewayPort;
  const brokerPort = input.ports.get('broker') ?? options.brokerPort;
  const demoPort = input.ports.get('demo');
  const gatewayUrl = `http://${host}:${gatewayPort}`;
  return {
    dataDirectory,
    workingDirectory,
    gatewayPort,
    brokerPort,
    gatewayUrl,
    publicUrl: readPublicUrl(environment, gatewayUrl),
    brokerUrl: `http://${host}:${brokerPort}`,
    adminKeyFile: environment['ADMIN_API_KEY_FILE'] || join(dataDirectory, 'admin.key'),
    gatewayKeyFile: environment['GATEWAY_API_KEY_FILE'] || join(dataDirectory, 'gateway.key'),
    logDirectory: isSwitchedOn(environment['LOG_TO_CONSOLE']) ? null : join(dataDirectory, 'logs'),
    demo: demoPort === undefined ? null : describeDemo(dataDirectory, demoPort),
  };
}

/** The Broker's environment: the caller's own, with what this run decides laid over it. */
export function describeBrokerEnvironment(layout: Layout, environment: Environment): Environment {
  return {
    ...environment,
    NEXUS_ENV: 'development',
    DATA_DIR: layout.dataDirectory,
    BROKER_HOST: host,
    BROKER_PORT: String(layout.brokerPort),
    PUBLIC_URL: layout.publicUrl,
  };
}

export function describeGatewayEnvironment(layout: Layout, environment: Environment): Environment {
  return {
    ...environment,
    NEXUS_ENV: 'development',
    GATEWAY_HOST: host,
    GATEWAY_PORT: String(layout.gatewayPort),
    PUBLIC_URL: layout.publicUrl,
    BROKER_URL: layout.brokerUrl,
    GATEWAY_API_KEY_FILE: layout.gatewayKeyFile,
  };
}
