import { createRoute } from '@hono/zod-openapi';
import { IssuerList } from '@nexus/broker-api/issuers';
import { listIssuers } from '../../services/issuers/list-issuers.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { toWireIssuer } from './wire-issuer.js';

const route = createRoute({
  operationId: 'listIssuers',
  method: 'get',
  path: '/admin/v1/issuers',
  tags: ['Issuers'],
  summary: 'List issuers of user tokens',
  responses: { 200: jsonAnswer(IssuerList, 'All issuers.'), ...errorAnswers() },
  ...keyRoute(['admin'], { none: 'the list holds no secret' }),
});

export function registerListIssuers(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const issuers = await listIssuers(deps);
    return c.json({ issuers: issuers.map(toWireIssuer) }, 200);
  });
}
