import type { GatewayApp } from './gateway-app.js';

type OpenApiDocument = ReturnType<GatewayApp['getOpenAPIDocument']>;

/** The OpenAPI 3.0 document of an app whose operations are registered. */
export function describeApp(app: GatewayApp): OpenApiDocument {
  app.openAPIRegistry.registerComponent('securitySchemes', 'ApiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'A key of Nexus. Open routes accept one too; it is then checked and recorded as the requester.',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'SessionToken', {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of the very session whose credential is read.',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'AgentClient', {
    type: 'http',
    scheme: 'basic',
    description: 'Agent id and agent key, each form-encoded first (RFC 6749, section 2.3.1).',
  });
  return app.getOpenAPIDocument({
    openapi: '3.0.3',
    info: {
      title: 'Nexus Gateway API',
      version: '1.0.0',
      description:
        'What agents and applications call. The v1 surface is frozen: later versions only add. Connection and token endpoints need no header: whoever holds a `connection_id` may read its credential, so keep it like a password.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/', description: 'PUBLIC_URL of the Gateway' }],
    tags: [
      { name: 'Connections', description: 'Connect an account, watch it, read its credential.' },
      { name: 'Agent sessions', description: 'Let an agent use a connection for a while, within scopes.' },
      { name: 'OAuth', description: 'The same sessions for clients that speak standard OAuth.' },
      { name: 'Providers', description: 'The upstream systems accounts are connected at.' },
      { name: 'System', description: 'Health of the service.' },
      { name: 'Pages', description: 'What a person sees while connecting an account.' },
    ],
  });
}
