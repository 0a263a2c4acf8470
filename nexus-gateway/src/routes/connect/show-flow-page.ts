import { createRoute } from '@hono/zod-openapi';
import type { FlowView } from '@nexus/broker-api/flows';
import { identifyBrowser } from '../../caller.js';
import type { Deps } from '../../deps.js';
import type { GatewayApp } from '../../gateway-app.js';
import { clipId } from '../../opaque-id.js';
import { answerPage } from '../../pages/answer.js';
import { renderCapturePage } from '../../pages/capture-page.js';
import { renderConfirmPage } from '../../pages/confirm-page.js';
import { pageResponses, TicketParam } from '../../schemas/v1/page.js';
import { noSubmission, toCapturePage, toFlowIntroduction } from '../../translate/flow-page.js';

const route = createRoute({
  method: 'get',
  path: '/connect/{ticket}',
  operationId: 'showFlowPage',
  tags: ['Pages'],
  summary: 'The page a person opens: confirmation, or the form of a static provider',
  description: 'Changes nothing, with GET as with HEAD: link scanners open links.',
  security: [],
  request: { params: TicketParam },
  responses: pageResponses(200, 410, 429, 503),
});

export function registerShowFlowPage(app: GatewayApp, deps: Deps): void {
  app.openapi(route, async (c) => {
    const view = await deps.broker.call<FlowView>(identifyBrowser(c), {
      method: 'POST',
      path: '/internal/v1/flows/view',
      body: { ticket: clipId(c.req.valid('param').ticket) },
    });
    const page =
      view.kind === 'oauth'
        ? renderConfirmPage(toFlowIntroduction(view))
        : renderCapturePage(toCapturePage(view, noSubmission));
    return answerPage(page);
  });
}
