import { createRoute } from '@hono/zod-openapi';
import type * as Broker from '@nexus/broker-api/sessions';
import { describeCaller } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { clipSessionId } from '../../opaque-id.js';
import { SessionIdParam } from '../../schemas/v1/agent-session.js';
import { SessionCredential } from '../../schemas/v1/credential.js';
import { errorResponses } from '../../schemas/v1/error.js';
import { challengeBearer, demandSessionToken, requireSessionToken } from '../../session-token.js';
import { toSessionCredential } from '../../translate/credential.js';

const route = createRoute({
  method: 'get',
  path: '/v1/agent-sessions/{id}/token',
  operationId: 'getSessionToken',
  tags: ['Agent sessions'],
  summary: 'Retrieve the credential through an open session',
  description:
    'Judged anew at every read. Where the token of the connection reaches further than the session, the provider mints a narrower one, else the answer is 403 `cannot_narrow_token`.',
  security: [{ SessionToken: [] }],
  middleware: [challengeBearer, demandSessionToken],
  request: { params: SessionIdParam },
  responses: {
    200: { description: 'The credential.', content: { 'application/json': { schema: SessionCredential } } },
    ...errorResponses(401, 403, 409, 410, 429, 502, 503),
  },
});

export function registerGetSessionToken(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const session_token = requireSessionToken(c);
    // Not even read: a key must never open what the token of this very session opens.
    const caller = describeCaller(c, null);
    const answer = await deps.broker.call<Broker.SessionCredential>(caller, {
      method: 'POST',
      path: '/internal/v1/sessions/token',
      body: { session_id: clipSessionId(c.req.valid('param').id), session_token },
    });
    return c.json(toSessionCredential(answer), 200);
  });
}
