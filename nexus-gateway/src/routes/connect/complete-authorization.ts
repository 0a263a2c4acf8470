import { createRoute, z } from '@hono/zod-openapi';
import type { FlowRedirect } from '@nexus/broker-api/flows';
import { identifyBrowser } from '../../caller.js';
import { isPlainHttp } from '../../config.js';
import type { Deps } from '../../deps.js';
import { readFlowCookies } from '../../flow-cookies.js';
import type { GatewayApp } from '../../gateway-app.js';
import { answerRedirect } from '../../pages/answer.js';
import { pageResponses } from '../../schemas/v1/page.js';

const route = createRoute({
  method: 'get',
  path: '/auth/callback/{provider_name}',
  operationId: 'completeAuthorization',
  tags: ['Pages'],
  summary: 'Where the provider sends the person back',
  description:
    'Consumes `state` once and goes on to the return URL. What does not belong to this browser ends on a page.',
  security: [],
  request: { params: z.object({ provider_name: z.string() }) },
  responses: pageResponses(303, 400, 410, 429, 502, 503),
});

export function registerCompleteAuthorization(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const answer = await deps.broker.call<FlowRedirect>(identifyBrowser(c), {
      method: 'POST',
      path: '/internal/v1/flows/callback',
      body: {
        provider_name: c.req.valid('param').provider_name,
        parameters: readParameters(c.req.url),
        cookies: readFlowCookies(c.req.header('cookie'), isPlainHttp(deps.config)),
      },
    });
    return answerRedirect(answer.redirect_to);
  });
}

/**
 * All parameters in order, repetitions included, for the Broker to judge (H5). The provider's free text is shortened: it is
 * shown to nobody, and its length must not decide over the flow (H11).
 */
function readParameters(url: string): [string, string][] {
  const parameters: [string, string][] = [];
  for (const [name, value] of new URL(url).searchParams) {
    parameters.push([name, name === 'error_description' ? value.slice(0, 256) : value]);
  }
  return parameters;
}
