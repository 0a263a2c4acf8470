import { createRoute } from '@hono/zod-openapi';
import type { CallerContext } from '@nexus/broker-api/client';
import type { Captured, FlowContinued, FlowView } from '@nexus/broker-api/flows';
import { NexusError } from '@nexus/core/errors';
import { identifyBrowser } from '../../caller.js';
import { isPlainHttp } from '../../config.js';
import type { Deps } from '../../deps.js';
import { readFlowCookies, writeFlowCookie } from '../../flow-cookies.js';
import type { GatewayApp } from '../../gateway-app.js';
import { clipId } from '../../opaque-id.js';
import { answerPage, answerRedirect, describeRetry } from '../../pages/answer.js';
import { renderCapturePage } from '../../pages/capture-page.js';
import { formBody, pageResponses, TicketParam } from '../../schemas/v1/page.js';
import { toCapturePage, toCredentials, toSubmission } from '../../translate/flow-page.js';

const route = createRoute({
  method: 'post',
  path: '/connect/{ticket}',
  operationId: 'continueFlow',
  tags: ['Pages'],
  summary: 'Continue to the provider, or submit the form of a static provider',
  description: 'Accepted from our own page only. Sets the cookie that ties the flow to this browser.',
  security: [],
  request: { params: TicketParam, body: formBody },
  responses: pageResponses(303, 400, 403, 410, 413, 415, 429, 502, 503),
});

export function registerContinueFlow(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    if (!isFromOwnPage(c.req.header('sec-fetch-site'), c.req.header('origin'), deps.config.publicUrl)) {
      throw new NexusError('forbidden', 'The form was not sent by our own page.');
    }
    const caller = identifyBrowser(c);
    const ticket = clipId(c.req.valid('param').ticket);
    const view = await deps.broker.call<FlowView>(caller, {
      method: 'POST',
      path: '/internal/v1/flows/view',
      body: { ticket },
    });
    if (view.kind === 'oauth') return goToProvider(deps, caller, ticket, c.req.header('cookie'));
    return capture(deps, caller, { ticket, view, form: new URLSearchParams(await c.req.text()) });
  });
}

/** Fetch Metadata where the browser sends it, which page script cannot forge, else the origin of the form (H17). */
function isFromOwnPage(fetchSite: string | undefined, origin: string | undefined, publicUrl: string): boolean {
  return fetchSite === undefined ? origin === publicUrl : fetchSite === 'same-origin';
}

async function goToProvider(
  deps: Deps,
  caller: CallerContext,
  ticket: string,
  cookieHeader: string | undefined,
): Promise<Response> {
  const plainHttp = isPlainHttp(deps.config);
  const answer = await deps.broker.call<FlowContinued>(caller, {
    method: 'POST',
    path: '/internal/v1/flows/continue',
    body: { ticket, cookies: readFlowCookies(cookieHeader, plainHttp) },
  });
  return answerRedirect(answer.redirect_to, writeFlowCookie(answer.cookie, plainHttp));
}

interface FormInput {
  readonly ticket: string;
  readonly view: FlowView;
  readonly form: URLSearchParams;
}

/** A refusal that the person can correct brings the form back; every other one has a page of its own. */
async function capture(deps: Deps, caller: CallerContext, { ticket, view, form }: FormInput): Promise<Response> {
  const credentials = toCredentials(view, form);
  try {
    const answer = await deps.broker.call<Captured>(caller, {
      method: 'POST',
      path: '/internal/v1/flows/capture',
      body: { state: ticket, credentials: Object.fromEntries(credentials) },
    });
    return answerRedirect(answer.redirect_url);
  } catch (error) {
    const submission = error instanceof NexusError ? toSubmission(error, credentials) : null;
    if (submission === null || !(error instanceof NexusError)) throw error;
    return answerPage(renderCapturePage(toCapturePage(view, submission)), error.status, describeRetry(error));
  }
}
