import { readEnvironment } from '@nexus/config/environment';
import { ConfigError } from '@nexus/config/load';
import { exitOnCrash } from '@nexus/http/crash';
import { serve } from '@nexus/http/serve';
import { createApp } from './app.js';
import { isPlainHttp, loadGatewaySettings } from './config.js';
import { createDeps } from './deps.js';

/** The socket drains for at most ten seconds; what has not ended shortly after is cut off. */
const backstopMs = 12_000;

async function main(): Promise<void> {
  const { config, secrets } = loadGatewaySettings(readEnvironment());
  const deps = createDeps(config, secrets);
  const { logger } = deps;
  exitOnCrash({ logger, source: process, exit: (code) => process.exit(code) });
  if (isPlainHttp(config))
    logger.warn('DEVELOPMENT ONLY: people reach this Gateway over plain http', { origin: config.publicUrl });
  const server = await serve({ app: createApp(deps), host: config.gatewayHost, port: config.gatewayPort, logger });
  logger.info('the Gateway listens', { host: config.gatewayHost, port: server.port, origin: config.publicUrl });

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    logger.info('the Gateway stops', { signal });
    setTimeout(() => process.exit(1), backstopMs).unref();
    deps.stop();
    await server.close();
    process.exitCode = 0;
    logger.flush();
    // Everybody has an answer; polls that the Broker still holds are not worth waiting for.
    setTimeout(() => process.exit(), 250).unref();
    await deps[Symbol.asyncDispose]();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
