import { createRoute } from '@hono/zod-openapi';
import { Capture, Captured } from '@nexus/broker-api/flows';
import { type CaptureCredentialDeps, captureCredential } from '../../services/flows/capture-credential.js';
import type { AccessDeps } from '../access.js';
import { type BrokerApp, errorAnswers, gatewayRoute, guard, jsonAnswer, jsonBody } from '../operation.js';

const route = createRoute({
  operationId: 'captureCredential',
  method: 'post',
  path: '/internal/v1/flows/capture',
  tags: ['Flows'],
  summary: 'Take a static credential',
  request: jsonBody(Capture),
  responses: {
    200: jsonAnswer(Captured, 'It is stored.'),
    ...errorAnswers(
      'credentials_rejected',
      'not_a_static_provider',
      'flow_already_used',
      'flow_expired',
      'capture_refused',
      'provider_unavailable',
    ),
  },
  ...gatewayRoute('anyone', [
    'credential.captured',
    'credential.capture_refused',
    'connection.activated',
    'connection.reconnected',
    'connection.failed',
  ]),
});

export function registerCaptureCredential(app: BrokerApp, deps: CaptureCredentialDeps & AccessDeps): void {
  app.openapi(guard(route, deps), async (c) => {
    const body = c.req.valid('json');
    const input = { ticket: body.state, credentials: body.credentials };
    const captured = await captureCredential(deps, input, c.get('context'));
    return c.json(
      { connection_ref: captured.connectionRef, status: captured.status, redirect_url: captured.redirectUrl },
      200,
    );
  });
}
