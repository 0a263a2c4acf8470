import { readEnvironment } from '@nexus/config/environment';
import { ConfigError } from '@nexus/config/load';
import { exitOnCrash } from '@nexus/http/crash';
import { createLogger } from '@nexus/http/logger';
import { serve } from '@nexus/http/serve';
import { VaultError } from '@nexus/vault/key-provider';
import { createApp } from './app.js';
import { loadConfig } from './config.js';
import { openDeps, readTls } from './deps.js';

/** Requests drain for at most eight seconds; what has not ended shortly after is cut off. */
const drainMs = 8_000;
const backstopMs = 12_000;
/** EX_CONFIG of sysexits.h: a restart will not help. */
const exitConfiguration = 78;

async function main(): Promise<void> {
  process.umask(0o077);
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
  logger.info('the Broker listens', { host, port: server.port, engine: opened.deps.database.engine });

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

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof ConfigError || error instanceof VaultError ? exitConfiguration : 1;
});
