import { OpenAPIHono } from '@hono/zod-openapi';
import { registerRoutes } from './app.js';
import type { Deps } from './deps.js';
import { describeApp } from './document.js';
import type { BrokerApp } from './routes/operation.js';

/** Fails on any use, which proves that registering routes has no side effects. */
function createInertDeps(): Deps {
  return new Proxy({} as Deps, {
    get(_target, property) {
      throw new Error(`the contract is built without dependencies, but \`${String(property)}\` was used`);
    },
  });
}

/** Builds the Broker's contract from the registered routes, without configuration, database, keys or network. */
export function buildContract(): ReturnType<typeof describeApp> {
  const app: BrokerApp = new OpenAPIHono();
  registerRoutes(app, createInertDeps());
  return describeApp(app);
}
