import { createRoute } from '@hono/zod-openapi';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { AuthorizationServerMetadata } from '../../schemas/v1/oauth.js';

const route = createRoute({
  method: 'get',
  path: '/.well-known/oauth-authorization-server',
  operationId: 'getAuthorizationServerMetadata',
  tags: ['OAuth'],
  summary: 'What the standard door offers',
  description: 'RFC 8414. There is no authorization endpoint: a session is opened by token exchange alone.',
  security: [],
  responses: {
    200: { description: 'The metadata.', content: { 'application/json': { schema: AuthorizationServerMetadata } } },
  },
});

const authMethods = ['client_secret_basic'];

export function registerGetAuthorizationServerMetadata(app: GatewayApp, deps: Deps): void {
  app.openapi(route, (c) => {
    const issuer = deps.config.publicUrl;
    const metadata: AuthorizationServerMetadata = {
      issuer,
      token_endpoint: `${issuer}/v1/oauth/token`,
      introspection_endpoint: `${issuer}/v1/oauth/introspect`,
      revocation_endpoint: `${issuer}/v1/oauth/revoke`,
      token_endpoint_auth_methods_supported: authMethods,
      introspection_endpoint_auth_methods_supported: authMethods,
      revocation_endpoint_auth_methods_supported: authMethods,
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange'],
      response_types_supported: ['none'],
    };
    return c.json(metadata, 200);
  });
}
