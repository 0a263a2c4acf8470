import { createRoute } from '@hono/zod-openapi';
import { ProviderInput, ProviderProfile } from '@nexus/broker-api/providers';
import { unwrapProfile } from '../../domain/provider-profile.js';
import { updateProvider } from '../../services/providers/update-provider.js';
import type { WriteProviderDeps } from '../../services/providers/write-provider.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toProviderAnswer } from './provider-answer.js';

const route = createRoute({
  operationId: 'updateProvider',
  method: 'patch',
  path: '/admin/v1/providers/{id}',
  tags: ['Providers'],
  summary: 'Update specific fields of a provider',
  description:
    "`null` gives a field its default back, or the template's value. `template` expands that template as it is shipped now and keeps what was given beside it; `template: null` keeps the fields and forgets the template.",
  request: { params: idParameter, ...jsonBody(ProviderInput) },
  responses: {
    200: jsonAnswer(ProviderProfile, 'The changed profile.'),
    ...errorAnswers('reserved_parameter', 'provider_not_found', 'provider_exists', 'provider_unsafe'),
  },
  ...keyRoute(['operator', 'admin'], ['provider.updated']),
});

export function registerUpdateProvider(app: BrokerApp, deps: WriteProviderDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const input = { providerId: c.req.valid('param').id, patch: unwrapProfile(c.req.valid('json')) };
    return c.json(toProviderAnswer(await updateProvider(deps, input, c.get('context'))), 200);
  });
}
