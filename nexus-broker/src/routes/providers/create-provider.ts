import { createRoute } from '@hono/zod-openapi';
import { ProviderInput, ProviderProfile } from '@nexus/broker-api/providers';
import { unwrapProfile } from '../../domain/provider-profile.js';
import { createProvider } from '../../services/providers/create-provider.js';
import type { WriteProviderDeps } from '../../services/providers/write-provider.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toProviderAnswer } from './provider-answer.js';

const route = createRoute({
  operationId: 'createProvider',
  method: 'post',
  path: '/admin/v1/providers',
  tags: ['Providers'],
  summary: 'Register a provider',
  description: 'With `template`, each field of that template, replaced whole by the field of the same name here.',
  request: jsonBody(ProviderInput),
  responses: {
    201: jsonAnswer(ProviderProfile, 'The profile, without its secrets.'),
    ...errorAnswers('reserved_parameter', 'provider_exists', 'provider_unsafe'),
  },
  ...keyRoute(['operator', 'admin'], ['provider.created']),
});

export function registerCreateProvider(app: BrokerApp, deps: WriteProviderDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = unwrapProfile(c.req.valid('json'));
    const provider = await createProvider(deps, { body }, c.get('context'));
    return c.json(toProviderAnswer(provider), 201);
  });
}
