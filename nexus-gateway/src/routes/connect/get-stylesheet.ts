import { createRoute } from '@hono/zod-openapi';
import type { GatewayApp } from '../../gateway-app.js';
import { stylesheetPath } from '../../pages/layout.js';
import { stylesheet } from '../../pages/stylesheet.js';

const route = createRoute({
  method: 'get',
  path: stylesheetPath,
  operationId: 'getStylesheet',
  tags: ['Pages'],
  summary: 'The stylesheet of the pages',
  security: [],
  responses: { 200: { description: 'The stylesheet.', content: { 'text/css': { schema: { type: 'string' } } } } },
});

export function registerGetStylesheet(app: GatewayApp): void {
  app.openapi(route, () => {
    const headers = { 'Content-Type': 'text/css; charset=utf-8', 'Cache-Control': 'public, max-age=300' };
    return new Response(stylesheet, { headers });
  });
}
