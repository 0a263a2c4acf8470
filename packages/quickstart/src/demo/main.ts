import { join } from 'node:path';
import type { Provider } from 'oidc-provider';
import { isJsonObject, parseJson, readText } from '../json-object.js';
import { host } from '../ports.js';
import { createPrivateDirectory, keepText } from '../private-file.js';
import { createDemoSecret, keepDemoKeys } from './keys.js';
import { createDemoProvider } from './provider.js';
import { createDemoServer } from './server.js';
import { openDemoStore } from './store.js';

export interface DemoSettings {
  readonly port: number;
  readonly directory: string;
  readonly clientSecretFile: string;
  readonly redirectUri: string;
  readonly gatewayUrl: string;
  readonly accessTokenSeconds: number;
}

export interface RunningDemo {
  readonly issuer: string;
  stop(): Promise<void>;
}

type Log = (event: string, facts: { readonly [name: string]: unknown }) => void;

const standardAccessTokenSeconds = 600;
const purgeIntervalMs = 5 * 60 * 1000;

function readSettings(argument: string): DemoSettings {
  const given = parseJson(argument);
  const port = isJsonObject(given) ? given['port'] : null;
  const directory = readText(given, 'directory');
  const clientSecretFile = readText(given, 'clientSecretFile');
  const redirectUri = readText(given, 'redirectUri');
  const gatewayUrl = readText(given, 'gatewayUrl');
  if (typeof port !== 'number' || !directory || !clientSecretFile || !redirectUri || !gatewayUrl) {
    throw new Error('the demo provider is started by npm start, which tells it where to listen and what to keep');
  }
  const seconds = Number(readText(given, 'accessTokenSeconds') ?? standardAccessTokenSeconds);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400) {
    throw new Error('DEMO_ACCESS_TOKEN_SECONDS must be a whole number of seconds from 1 to 86400');
  }
  return { port, directory, clientSecretFile, redirectUri, gatewayUrl, accessTokenSeconds: seconds };
}

function logProviderEvents(provider: Provider, log: Log): void {
  for (const event of ['server_error', 'authorization.error', 'grant.error', 'userinfo.error', 'revocation.error']) {
    provider.on(event, (_context: unknown, error: unknown) => {
      log(event, { error: error instanceof Error ? error.message : String(error) });
    });
  }
}

/**
 * Starts the demo provider on 127.0.0.1.
 *
 * @throws Error in any environment but development: whoever knows its address signs in as whoever they like.
 */
export async function startDemo(
  deps: { readonly now: () => number; readonly log: Log },
  input: { readonly settings: DemoSettings; readonly environment: string | undefined },
): Promise<RunningDemo> {
  const { settings } = input;
  if (input.environment !== 'development') {
    throw new Error('the demo provider lets everybody in and starts with NEXUS_ENV=development only');
  }
  const issuer = `http://${host}:${settings.port}`;
  createPrivateDirectory(settings.directory);
  const keys = keepDemoKeys(settings.directory);
  const clientSecret = keepText(settings.clientSecretFile, createDemoSecret);
  const store = openDemoStore({ path: join(settings.directory, 'provider.sqlite'), now: deps.now });
  const provider = createDemoProvider({ store, keys }, { ...settings, issuer, clientSecret });
  logProviderEvents(provider, deps.log);
  const server = createDemoServer({ provider, gatewayUrl: settings.gatewayUrl, log: deps.log });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port, host, resolve);
  });
  const purging = setInterval(store.purge, purgeIntervalMs);
  return {
    issuer,
    stop: async () => {
      clearInterval(purging);
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      store.close();
    },
  };
}

/** The demo provider as a process: runs until SIGTERM or SIGINT. */
export async function runDemoProvider(input: {
  readonly argument: string;
  readonly environment: string | undefined;
}): Promise<void> {
  const log: Log = (event, facts) => console.log(JSON.stringify({ time: new Date().toISOString(), event, ...facts }));
  process.umask(0o077);
  const settings = readSettings(input.argument);
  const demo = await startDemo({ now: Date.now, log }, { settings, environment: input.environment });
  log('started', { issuer: demo.issuer });
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    void demo.stop().then(() => log('stopped', {}));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
