import { createRoute, z } from '@hono/zod-openapi';
import type { CallerContext } from '@nexus/broker-api/client';
import type * as Broker from '@nexus/broker-api/connections';
import { identifyConnectionCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { clipId } from '../../opaque-id.js';
import { ConnectionIdParam, ConnectionState } from '../../schemas/v1/connection.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { waitSeconds } from '../../schemas/v1/query.js';
import { toConnectionState } from '../../translate/connection.js';

const route = createRoute({
  method: 'get',
  path: '/v1/check-connection/{id}',
  operationId: 'checkConnection',
  tags: ['Connections'],
  summary: 'Poll connection status',
  description:
    'Reads one row: it never refreshes, decrypts or writes. `wait` holds the answer while the status is `pending`.',
  security: [{}, { ApiKey: [] }],
  request: { params: ConnectionIdParam, query: z.object({ wait: waitSeconds }) },
  responses: {
    200: { description: 'The status.', content: { 'application/json': { schema: ConnectionState } } },
    ...errorResponses(400, 401, 403, 404, 429, 503),
  },
});

export function registerCheckConnection(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const caller = identifyConnectionCaller(c, deps);
    const connectionId = clipId(c.req.valid('param').id);
    const { wait = 0 } = c.req.valid('query');
    const answer = wait === 0 ? check(deps, caller, connectionId) : checkWaiting(deps, caller, connectionId, wait);
    return c.json(toConnectionState(await answer), 200);
  });
}

function check(deps: Deps, caller: CallerContext, connectionId: string): Promise<Broker.ConnectionState> {
  return deps.broker.call(caller, {
    method: 'POST',
    path: '/internal/v1/connections/check',
    body: { connection_id: connectionId },
  });
}

/** Held polls would outlive the drain of a shutdown, so its beginning answers them with the present state. */
async function checkWaiting(
  deps: Deps,
  caller: CallerContext,
  connectionId: string,
  wait: number,
): Promise<Broker.ConnectionState> {
  if (deps.stopping.aborted) return check(deps, caller, connectionId);
  const held = deps.broker.call<Broker.ConnectionState>(caller, {
    method: 'POST',
    path: '/internal/v1/connections/check',
    body: { connection_id: connectionId, wait_seconds: wait },
    waitSeconds: wait,
  });
  const { promise: stopped, resolve: stop } = createSignal();
  deps.stopping.addEventListener('abort', stop, { once: true });
  try {
    return (await Promise.race([held, stopped])) ?? (await check(deps, caller, connectionId));
  } finally {
    deps.stopping.removeEventListener('abort', stop);
    held.catch(() => undefined);
  }
}

function createSignal(): { readonly promise: Promise<null>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<null>((settle) => {
    resolve = () => settle(null);
  });
  return { promise, resolve };
}
