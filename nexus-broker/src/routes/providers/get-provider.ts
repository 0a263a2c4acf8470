import { createRoute } from '@hono/zod-openapi';
import { ProviderProfile } from '@nexus/broker-api/providers';
import { getProvider } from '../../services/providers/get-provider.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, keyRoute } from '../operation.js';
import { toProviderAnswer } from './provider-answer.js';

const route = createRoute({
  operationId: 'getProvider',
  method: 'get',
  path: '/admin/v1/providers/{id}',
  tags: ['Providers'],
  summary: 'Get a provider by id',
  request: { params: idParameter },
  responses: { 200: jsonAnswer(ProviderProfile, 'The profile.'), ...errorAnswers('provider_not_found') },
  ...keyRoute(['operator', 'admin', 'auditor'], { none: 'a profile is read without its secrets' }),
});

export function registerGetProvider(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const provider = await getProvider(deps, { providerId: c.req.valid('param').id });
    return c.json(toProviderAnswer(provider), 200);
  });
}
