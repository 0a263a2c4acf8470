import { createToken } from '@nexus/core/tokens';
import type { CapturedLog } from '@nexus/http/testing';
import { captureLog } from '@nexus/http/testing';
import { createApp } from '../app.js';
import { loadGatewaySettings } from '../config.js';
import type { RunningDeps } from '../deps.js';
import { createDeps } from '../deps.js';
import type { GatewayApp } from '../gateway-app.js';

export interface TestGateway extends AsyncDisposable {
  readonly app: GatewayApp;
  readonly deps: RunningDeps;
  /** What was logged, at trace level. */
  readonly log: CapturedLog;
}

/**
 * For tests: the whole Gateway as a function of a request, configured like a process in development. Needs a Broker at
 * BROKER_URL; any setting may be given.
 */
export function createTestGateway(environment: Readonly<Record<string, string>>): TestGateway {
  const { config, secrets } = loadGatewaySettings({
    NEXUS_ENV: 'development',
    GATEWAY_API_KEY: createToken('nxg'),
    ...environment,
  });
  const log = captureLog();
  const deps: RunningDeps = { ...createDeps(config, secrets), logger: log.logger };
  return { app: createApp(deps), deps, log, [Symbol.asyncDispose]: () => deps[Symbol.asyncDispose]() };
}
