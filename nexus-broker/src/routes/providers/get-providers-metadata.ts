import { createRoute, z } from '@hono/zod-openapi';
import { ProviderMetadata } from '@nexus/broker-api/providers';
import { listProviders } from '../../services/providers/list-providers.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { toMetadataAnswer } from './provider-answer.js';

const route = createRoute({
  operationId: 'getProvidersMetadata',
  method: 'post',
  path: '/internal/v1/providers/metadata',
  tags: ['Providers'],
  summary: 'What a frontend needs to draw a list of providers',
  request: jsonBody(z.strictObject({})),
  responses: { 200: jsonAnswer(ProviderMetadata, 'By type and name.'), ...errorAnswers() },
  ...gatewayRoute('everybody', { none: 'metadata is public' }),
});

export function registerGetProvidersMetadata(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    return c.json(toMetadataAnswer(await listProviders(deps)), 200);
  });
}
