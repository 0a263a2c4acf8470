import { createRoute } from '@hono/zod-openapi';
import { FlowTicket, FlowView } from '@nexus/broker-api/flows';
import { findTenantHost } from '../../domain/tenant.js';
import { viewFlow } from '../../services/flows/view-flow.js';
import type { Database } from '../../stores/database.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';
import { toWireSchema } from './credential-schema.js';

const route = createRoute({
  operationId: 'viewFlow',
  method: 'post',
  path: '/internal/v1/flows/view',
  tags: ['Flows'],
  summary: 'Tell what the page of a flow shows',
  request: jsonBody(FlowTicket),
  responses: {
    200: jsonAnswer(FlowView, 'What a person may see of the flow.'),
    ...errorAnswers('flow_expired', 'flow_already_used', 'capture_refused'),
  },
  ...gatewayRoute('anyone', { none: 'reading a page changes nothing; link scanners do it too' }),
});

export function registerViewFlow(app: BrokerApp, deps: { readonly database: Database } & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const { flow, provider } = await viewFlow(deps, c.req.valid('json'));
    const { profile } = provider;
    return c.json(
      {
        kind: flow.kind,
        app_name: flow.appName,
        provider_name: profile.name,
        provider_display_name: profile.displayName,
        provider_host: findTenantHost(provider),
        account_label: flow.accountLabel,
        scopes: [...flow.scopes],
        completion: flow.completion,
        expires_at: flow.expiresAt,
        return_origin: new URL(flow.returnUrl).origin,
        schema:
          flow.kind === 'static' && profile.credentialSchema !== null ? toWireSchema(profile.credentialSchema) : null,
        docs_url: profile.docsUrl,
      },
      200,
    );
  });
}
