import { createHttpApp, type HttpBasics } from '@nexus/http/app';
import type { Deps } from './deps.js';
import { registerDocs } from './docs.js';
import type { GatewayApp } from './gateway-app.js';
import { answerOAuthError } from './oauth-answer.js';
import { answerFailure } from './pages/answer.js';
import { registerCompleteAuthorization } from './routes/connect/complete-authorization.js';
import { registerContinueFlow } from './routes/connect/continue-flow.js';
import { registerGetStylesheet } from './routes/connect/get-stylesheet.js';
import { registerShowFlowPage } from './routes/connect/show-flow-page.js';
import { registerExchangeToken } from './routes/oauth/exchange-token.js';
import { registerGetAuthorizationServerMetadata } from './routes/oauth/get-authorization-server-metadata.js';
import { registerIntrospectToken } from './routes/oauth/introspect-token.js';
import { registerRevokeToken } from './routes/oauth/revoke-token.js';
import { registerGetHealth } from './routes/system/get-health.js';
import { registerGetLiveness } from './routes/system/get-liveness.js';
import { registerGetReadiness } from './routes/system/get-readiness.js';
import { registerCaptureCredential } from './routes/v1/capture-credential.js';
import { registerCheckConnection } from './routes/v1/check-connection.js';
import { registerCloseAgentSession } from './routes/v1/close-agent-session.js';
import { registerCompleteConnection } from './routes/v1/complete-connection.js';
import { registerCreateAgentSession } from './routes/v1/create-agent-session.js';
import { registerCreateOboSession } from './routes/v1/create-obo-session.js';
import { registerCreateProvider } from './routes/v1/create-provider.js';
import { registerDeleteConnection } from './routes/v1/delete-connection.js';
import { registerDeleteProvider } from './routes/v1/delete-provider.js';
import { registerGetAgentSession } from './routes/v1/get-agent-session.js';
import { registerGetCaptureSchema } from './routes/v1/get-capture-schema.js';
import { registerGetProvider } from './routes/v1/get-provider.js';
import { registerGetProvidersMetadata } from './routes/v1/get-providers-metadata.js';
import { registerGetSessionToken } from './routes/v1/get-session-token.js';
import { registerGetToken } from './routes/v1/get-token.js';
import { registerListConnections } from './routes/v1/list-connections.js';
import { registerListProviders } from './routes/v1/list-providers.js';
import { registerRefreshConnection } from './routes/v1/refresh-connection.js';
import { registerRequestConnection } from './routes/v1/request-connection.js';
import { registerResolveConnection } from './routes/v1/resolve-connection.js';
import { registerUpdateProvider } from './routes/v1/update-provider.js';

/** Every operation of the Gateway, one line each, in the order of the contract. */
export function registerRoutes(app: GatewayApp, deps: Deps): void {
  registerRequestConnection(app, deps);
  registerCheckConnection(app, deps);
  registerGetToken(app, deps);
  registerRefreshConnection(app, deps);
  registerGetCaptureSchema(app, deps);
  registerCaptureCredential(app, deps);
  registerCompleteConnection(app, deps);
  registerResolveConnection(app, deps);
  registerListConnections(app, deps);
  registerDeleteConnection(app, deps);

  registerCreateAgentSession(app, deps);
  registerCreateOboSession(app, deps);
  registerGetAgentSession(app, deps);
  registerCloseAgentSession(app, deps);
  registerGetSessionToken(app, deps);
  registerExchangeToken(app, deps);
  registerIntrospectToken(app, deps);
  registerRevokeToken(app, deps);
  registerGetAuthorizationServerMetadata(app, deps);

  registerListProviders(app, deps);
  registerGetProvidersMetadata(app, deps);
  registerCreateProvider(app, deps);
  registerGetProvider(app, deps);
  registerUpdateProvider(app, deps);
  registerDeleteProvider(app, deps);

  registerGetHealth(app, deps);
  registerGetLiveness(app);
  registerGetReadiness(app, deps);

  registerShowFlowPage(app, deps);
  registerContinueFlow(app, deps);
  registerCompleteAuthorization(app, deps);
  registerGetStylesheet(app);
}

type ErrorPages = NonNullable<HttpBasics['errorPages']>;

const answerPerson: ErrorPages[number]['render'] = (error, c) =>
  answerFailure({
    error,
    requestId: c.get('requestId'),
    // Only a POST of our own page can be repeated; a callback's code is spent by its first use.
    canRetry: error.code === 'provider_unavailable' && c.req.method === 'POST',
  });

const errorPages: ErrorPages = [
  { prefix: '/connect/', render: answerPerson },
  { prefix: '/auth/', render: answerPerson },
  { prefix: '/v1/oauth/', render: answerOAuthError },
];

/** The Gateway as a function of a request: middleware, operations, and in development the documentation page. */
export function createApp(deps: Deps): GatewayApp {
  const app = createHttpApp({
    logger: deps.logger,
    clock: deps.clock,
    basics: {
      trustedProxies: deps.config.trustedProxies,
      errorPages,
    },
  });
  allowCrossOrigin(app, deps.config.corsAllowedOrigins);
  registerRoutes(app, deps);
  if (deps.config.nexusEnv === 'development') registerDocs(app);
  return app;
}

/** Lets pages of the listed origins call /v1; the pages of /connect are never shared (H17). */
function allowCrossOrigin(app: GatewayApp, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const allowed = new Set(origins);
  app.use('/v1/*', async (c, next) => {
    const origin = c.req.header('origin');
    const isAllowed = origin !== undefined && allowed.has(origin);
    const isPreflight = c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined;
    if (isAllowed && isPreflight) c.res = new Response(null, { status: 204, headers: preflightHeaders });
    else await next();
    c.res.headers.append('Vary', 'Origin');
    if (!isAllowed) return;
    c.res.headers.set('Access-Control-Allow-Origin', origin);
    c.res.headers.set('Access-Control-Expose-Headers', 'X-Request-Id, Retry-After, Link');
  });
}

const preflightHeaders = {
  'Access-Control-Allow-Methods': 'GET, POST, PATCH, DELETE',
  'Access-Control-Allow-Headers': 'X-API-Key, Content-Type',
  'Access-Control-Max-Age': '600',
};
