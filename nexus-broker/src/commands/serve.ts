import { readEnvironment } from '@nexus/config/environment';
import { exitOnCrash } from '@nexus/http/crash';
import { createLogger } from '@nexus/http/logger';
import { serve } from '@nexus/http/serve';
import { createApp } from '../app.js';
import { loadConfig } from '../config.js';
import { openDeps, readTls } from '../deps.js';

/**
 * Requests drain for at most eight seconds. A call to a provider that began with the last of them has its ten seconds, and
 * what it brought is stored, before anything is cut off.
 */
const drainMs = 8_000;
const backstopMs = 22_000;

/** Serves until it is told to stop; resolves once it listens. */
export async function runServe(): Promise<void> {
  const { config, secrets } = loadConfig(readEnvironment());
  const logger = createLogger({ level: config.logLevel, service: 'broker' });
  exitOnCrash({ logger, source: process, exit: (code) => process.exit(code) });
  if (config.nexusEnv === 'development') {
    logger.warn('DEVELOPMENT ONLY: plain http and loopback addresses are allowed for providers and return URLs');
  }
  const tls = await readTls(config);
  const opened = await openDeps(config, secrets, logger);
  for (const { role, path } of opened.keyFiles) process.stderr.write(`wrote the first ${role} key to ${path}\n`);
  const { brokerHost: host, brokerPort: port } = config;
  const server = await serve({ app: createApp(opened.deps), host, port, logger, tls, drainMs });
  const { database, fence } = opened.deps;
  logger.info('the Broker listens', { host, port: server.port, engine: database.engine, instance: fence.instanceId });

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    logger.info('the Broker stops', { signal });
    setTimeout(() => process.exit(1), backstopMs).unref();
    opened.stop();
    await server.close();
    await opened.close(signal);
    logger.flush();
    process.exitCode = 0;
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
}
