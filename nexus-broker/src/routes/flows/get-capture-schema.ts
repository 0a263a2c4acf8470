import { createRoute } from '@hono/zod-openapi';
import { CaptureSchema, CaptureSchemaQuery } from '@nexus/broker-api/flows';
import { getCaptureSchema } from '../../services/flows/get-capture-schema.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { toWireSchema } from './credential-schema.js';

const route = createRoute({
  operationId: 'getCaptureSchema',
  method: 'post',
  path: '/internal/v1/flows/capture-schema',
  tags: ['Flows'],
  summary: 'Describe the credential a static provider asks for',
  request: jsonBody(CaptureSchemaQuery),
  responses: {
    200: jsonAnswer(CaptureSchema, 'A JSON Schema object.'),
    ...errorAnswers('missing_params', 'not_a_static_provider', 'provider_not_found', 'flow_expired'),
  },
  ...gatewayRoute('anyone', { none: 'a schema is public' }),
});

export function registerGetCaptureSchema(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const { provider, schema } = await getCaptureSchema(deps, {
      ticket: body.state ?? null,
      providerName: body.provider_name ?? null,
      providerId: body.provider_id ?? null,
    });
    return c.json(
      { provider_name: provider.profile.name, provider_id: provider.providerId, schema: toWireSchema(schema) },
      200,
    );
  });
}
