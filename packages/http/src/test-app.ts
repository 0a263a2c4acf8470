import { createRoute, z } from '@hono/zod-openapi';
import { NexusError } from '@nexus/core/errors';
import type { HttpBasics } from './app.js';
import { createHttpApp } from './app.js';
import type { CapturedLog } from './testing.js';

const Thing = z.strictObject({ name: z.string(), tags: z.array(z.string()).optional() });
const ok = { 200: { description: 'Done.', content: { 'application/json': { schema: z.unknown() } } } };

/** One route of each kind, for the tests of this package. */
export function createTestApp(log: CapturedLog, basics: HttpBasics = {}) {
  const app = createHttpApp({ logger: log.logger, clock: { now: () => 1_700_000_000_000 }, basics });
  const json = (required?: boolean) => ({
    body: { content: { 'application/json': { schema: Thing } }, ...(required === undefined ? {} : { required }) },
  });
  app.openapi(createRoute({ method: 'post', path: '/things', request: json(true), responses: ok }), (c) =>
    c.json(c.req.valid('json'), 200),
  );
  app.openapi(createRoute({ method: 'put', path: '/things', request: json(), responses: ok }), (c) =>
    c.json(c.req.valid('json'), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/things/{id}',
      request: {
        params: z.object({ id: z.string().max(64) }),
        query: z.strictObject({ wait: z.coerce.number().optional() }),
      },
      responses: ok,
    }),
    (c) => c.json({ id: c.req.valid('param').id, ip: c.get('callerIp') }, 200),
  );
  app.openapi(createRoute({ method: 'post', path: '/refresh/{id}', responses: ok }), (c) =>
    c.json({ id: c.req.param('id') }, 200),
  );
  const form = {
    body: { content: { 'application/x-www-form-urlencoded': { schema: z.object({ field: z.string() }) } } },
  };
  app.openapi(createRoute({ method: 'post', path: '/connect/{ticket}', request: form, responses: ok }), (c) =>
    c.json({ field: c.req.valid('form').field }, 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/private',
      request: json(true),
      responses: ok,
      middleware: () => {
        throw new NexusError('missing_api_key', 'Send a key.');
      },
    }),
    (c) => c.json({}, 200),
  );
  app.get('/page', (c) => c.html('<p>', 200, { 'Cache-Control': 'max-age=60', 'Referrer-Policy': 'same-origin' }));
  app.get('/fail/nexus', () => {
    throw new NexusError('provider_unavailable', 'Try later.', { cause: new Error('private words') });
  });
  app.get('/fail/error', () => {
    throw new Error('private words');
  });
  // Not an Error, as careless code may throw.
  app.get('/fail/text', () => Promise.reject('private words'));
  return app;
}

/** Sends bytes: a string body would give the Request a content type of its own. */
export function sendBody(
  app: ReturnType<typeof createTestApp>,
  path: string,
  body: string | undefined,
  options: { readonly type?: string | null; readonly method?: string } = {},
) {
  const { type = 'application/json', method = 'POST' } = options;
  const headers: Record<string, string> = type === null ? {} : { 'Content-Type': type };
  return app.request(path, { method, headers, body: body === undefined ? null : new TextEncoder().encode(body) });
}
