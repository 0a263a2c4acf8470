import { createRoute } from '@hono/zod-openapi';
import { ReturnOrigin, ReturnOriginInput } from '@nexus/broker-api/administration';
import { createReturnOrigin, type ReturnOriginDeps } from '../../services/return-origins/create-return-origin.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toWireReturnOrigin } from './wire-return-origin.js';

const route = createRoute({
  operationId: 'createReturnOrigin',
  method: 'post',
  path: '/admin/v1/return-origins',
  tags: ['Return origins'],
  summary: 'Allow an application to have people sent back to it',
  request: jsonBody(ReturnOriginInput),
  responses: { 201: jsonAnswer(ReturnOrigin, 'The return origin.'), ...errorAnswers('return_origin_exists') },
  ...keyRoute(['admin'], ['return_origin.created']),
});

export function registerCreateReturnOrigin(app: BrokerApp, deps: ReturnOriginDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = {
      origin: body.origin,
      appName: body.app_name,
      completion: body.completion ?? null,
      pathPrefix: body.path_prefix ?? null,
    };
    const created = await createReturnOrigin(deps, input, c.get('context'));
    return c.json(toWireReturnOrigin(created), 201);
  });
}
