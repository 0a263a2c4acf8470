import { createRoute } from '@hono/zod-openapi';
import { SessionCloseRequest, SessionsClosed } from '@nexus/broker-api/sessions';
import type { CloseSessionDeps } from '../../services/sessions/close-agent-session.js';
import { closeSessions } from '../../services/sessions/close-sessions.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toSessionFilter } from './session-input.js';

const route = createRoute({
  operationId: 'closeSessions',
  method: 'post',
  path: '/admin/v1/sessions/close',
  tags: ['Sessions'],
  summary: 'Close every session that matches',
  description: 'By agent, connection, key, or user (`issuer` with `sub`); several filters must all match.',
  request: jsonBody(SessionCloseRequest),
  responses: { 200: jsonAnswer(SessionsClosed, 'How many were open.'), ...errorAnswers() },
  ...keyRoute(['operator', 'admin'], ['session.closed']),
});

export function registerCloseSessions(app: BrokerApp, deps: CloseSessionDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const closed = await closeSessions(deps, toSessionFilter(c.req.valid('json')), c.get('context'));
    return c.json({ closed }, 200);
  });
}
