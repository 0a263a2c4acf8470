import { createRoute, z } from '@hono/zod-openapi';
import { ProviderInput, ProviderProfile } from '@nexus/broker-api/providers';
import { unwrapProfile } from '../../domain/provider-profile.js';
import { replaceProvider } from '../../services/providers/replace-provider.js';
import type { WriteProviderDeps } from '../../services/providers/write-provider.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, idParameter, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toProviderAnswer } from './provider-answer.js';

const expectedVersion = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional();

const route = createRoute({
  operationId: 'replaceProvider',
  method: 'put',
  path: '/admin/v1/providers/{id}',
  tags: ['Providers'],
  summary: 'Replace the whole profile of a provider',
  description:
    'What the body leaves out gets its default; a `client_secret` that is left out is kept, and `null` removes it. `template` is a name, or what a read shows, which keeps the version of the template the profile was made from.',
  request: {
    params: idParameter,
    query: z.object({
      expected_version: expectedVersion.openapi({ description: 'Replaces only this `version` of the profile.' }),
    }),
    ...jsonBody(ProviderInput),
  },
  responses: {
    200: jsonAnswer(ProviderProfile, 'The profile as it is now.'),
    ...errorAnswers(
      'reserved_parameter',
      'provider_not_found',
      'provider_exists',
      'provider_changed',
      'provider_unsafe',
    ),
  },
  ...keyRoute(['operator', 'admin'], ['provider.updated']),
});

export function registerReplaceProvider(app: BrokerApp, deps: WriteProviderDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const input = {
      providerId: c.req.valid('param').id,
      expectedVersion: c.req.valid('query').expected_version ?? null,
      body: unwrapProfile(c.req.valid('json')),
    };
    return c.json(toProviderAnswer(await replaceProvider(deps, input, c.get('context'))), 200);
  });
}
