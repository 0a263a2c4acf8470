import { createRoute } from '@hono/zod-openapi';
import { ProviderList } from '@nexus/broker-api/providers';
import { listProviders } from '../../services/providers/list-providers.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, keyRoute } from '../operation.js';
import { toProviderAnswer } from './provider-answer.js';

const route = createRoute({
  operationId: 'listProviders',
  method: 'get',
  path: '/admin/v1/providers',
  tags: ['Providers'],
  summary: 'List all registered providers',
  responses: { 200: jsonAnswer(ProviderList, 'Profiles without secrets.'), ...errorAnswers() },
  ...keyRoute(['operator', 'admin', 'auditor'], { none: 'profiles are read without their secrets' }),
});

export function registerListProviders(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const providers = await listProviders(deps);
    return c.json(providers.map(toProviderAnswer), 200);
  });
}
