import type { BrokerApp } from './routes/operation.js';

type OpenApiDocument = ReturnType<BrokerApp['getOpenAPIDocument']>;

const tags = [
  'Connections',
  'Flows',
  'Sessions',
  'Agents',
  'Providers',
  'Issuers',
  'Keys',
  'Return origins',
  'Audit',
  'System',
];

/** The OpenAPI 3.0 document of an app whose operations are registered. */
export function describeApp(app: BrokerApp): OpenApiDocument {
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'A key of Nexus; what it reaches depends on its role.',
  });
  return app.getOpenAPIDocument({
    openapi: '3.0.3',
    info: {
      title: 'Nexus Broker API',
      version: '0.1.0',
      description:
        'Internal: for the Gateway and for administration, never for agents or untrusted networks. It may change between minor versions. `x-nexus-access` tells who may call an operation, `x-nexus-audit` what it records.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    tags: tags.map((name) => ({ name })),
  });
}
