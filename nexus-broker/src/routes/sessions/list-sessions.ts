import { createRoute } from '@hono/zod-openapi';
import { SessionList, SessionListQuery } from '@nexus/broker-api/sessions';
import { listSessions } from '../../services/sessions/list-sessions.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { toSessionFilter } from './session-input.js';
import { toWireSummary } from './wire-session.js';

const route = createRoute({
  operationId: 'listSessions',
  method: 'get',
  path: '/admin/v1/sessions',
  tags: ['Sessions'],
  summary: 'List sessions',
  request: { query: SessionListQuery },
  responses: { 200: jsonAnswer(SessionList, 'The sessions, without their tokens.'), ...errorAnswers() },
  ...keyRoute(['operator', 'admin'], { none: 'it discloses no credential' }),
});

export function registerListSessions(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const query = c.req.valid('query');
    const { sessions, nextCursor } = await listSessions(deps, {
      filter: toSessionFilter(query),
      open: query.open === undefined ? null : query.open === 'true',
      limit: query.limit ?? null,
      after: query.cursor ?? null,
    });
    const more = nextCursor === null ? {} : { next_cursor: nextCursor };
    return c.json({ sessions: sessions.map(toWireSummary), ...more }, 200);
  });
}
