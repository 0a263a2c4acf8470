import { createRoute } from '@hono/zod-openapi';
import { Issuer, IssuerInput } from '@nexus/broker-api/issuers';
import { createIssuer, type IssuerDeps } from '../../services/issuers/create-issuer.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, guard, jsonAnswer, jsonBody, keyRoute } from '../operation.js';
import { toWireIssuer } from './wire-issuer.js';

const route = createRoute({
  operationId: 'createIssuer',
  method: 'post',
  path: '/admin/v1/issuers',
  tags: ['Issuers'],
  summary: 'Let the tokens of an identity provider prove for whom an agent acts',
  request: jsonBody(IssuerInput),
  responses: { 201: jsonAnswer(Issuer, 'The issuer.'), ...errorAnswers('issuer_exists', 'issuer_unsafe') },
  ...keyRoute(['admin'], ['issuer.created']),
});

export function registerCreateIssuer(app: BrokerApp, deps: IssuerDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = {
      issuer: body.issuer,
      jwksUri: body.jwks_uri ?? null,
      audience: body.audience,
      algorithms: body.algorithms ?? null,
      scopeClaim: body.scope_claim ?? null,
      tenantClaim: body.tenant_claim ?? null,
      clearanceClaim: body.clearance_claim ?? null,
      workspaceFrom: body.workspace_from ?? null,
      workspacePrefix: body.workspace_prefix ?? null,
      maxLifetimeSeconds: body.max_lifetime_seconds ?? null,
    };
    const created = await createIssuer(deps, input, c.get('context'));
    return c.json(toWireIssuer(created), 201);
  });
}
