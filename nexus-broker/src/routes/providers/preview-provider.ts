import { createRoute } from '@hono/zod-openapi';
import { ProviderInput, ProviderPreview } from '@nexus/broker-api/providers';
import { unwrapProfile } from '../../domain/provider-profile.js';
import { type PreviewProviderDeps, previewProvider } from '../../services/providers/preview-provider.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toPreviewAnswer } from './provider-answer.js';

const route = createRoute({
  operationId: 'previewProvider',
  method: 'post',
  path: '/admin/v1/providers/preview',
  tags: ['Providers'],
  summary: 'Show what a provider would become',
  description:
    'Reads the body as a registration, or as a replacement of the live provider of its name, and stores nothing. Names of hosts are not resolved.',
  request: jsonBody(ProviderInput),
  responses: {
    200: jsonAnswer(ProviderPreview, 'The profile that the body means, and the live one of its name.'),
    ...errorAnswers('reserved_parameter', 'provider_unsafe'),
  },
  ...keyRoute(['operator', 'admin'], { none: 'nothing is stored, and no secret is shown' }),
});

export function registerPreviewProvider(app: BrokerApp, deps: PreviewProviderDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = unwrapProfile(c.req.valid('json'));
    return c.json(toPreviewAnswer(await previewProvider(deps, { body })), 200);
  });
}
