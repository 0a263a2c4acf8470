import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi';
import type { Clock } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { Context, MiddlewareHandler } from 'hono';
import { type BodyKind, createBodyGuard } from './body-guard.js';
import type { HttpEnv } from './environment.js';
import { createValidationError } from './errors.js';
import type { Logger } from './logger.js';
import type { ErrorPage, ErrorTranslator } from './request-frame.js';
import { createErrorAnswer, createRequestFrame, noteAllowedMethods } from './request-frame.js';
import { createSourceAddressReader } from './source-address.js';

export const maxBodyBytes = 64 * 1024;

/** What a service may adjust; everything has the contract's value when left out. */
export interface HttpBasics {
  /** Proxies whose X-Forwarded-For counts, as addresses or CIDR blocks. */
  readonly trustedProxies?: readonly string[];
  /** Pages instead of JSON errors, by path prefix; the first match wins. */
  readonly errorPages?: readonly ErrorPage[];
  readonly maxBodyBytes?: number;
  readonly translateError?: ErrorTranslator;
}

export interface HttpAppOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly basics?: HttpBasics;
}

/**
 * Creates the app both services build on. Every answer, errors included, carries a request id and the security headers;
 * every request writes one log line; bodies of described routes are vetted before handlers run (`body-guard.ts`); schema problems,
 * unknown paths (404), known paths with another method (405 with Allow) and thrown errors all come out in the contract's error shape.
 *
 * Middleware that a service adds runs after these. A route that declares a JSON body needs one, unless it says
 * `required: false`; a route that declares none accepts an empty body or `{}`.
 */
export function createHttpApp<E extends HttpEnv = HttpEnv>(options: HttpAppOptions): OpenAPIHono<E> {
  const { logger, clock, basics = {} } = options;
  const app = new OpenAPIHono<HttpEnv>({
    defaultHook: (result) => {
      if (!result.success) throw createValidationError(result.error);
    },
  });
  const translateError = basics.translateError ?? ((error: unknown) => error);
  const answerError = createErrorAnswer(basics.errorPages ?? [], translateError);
  const readSourceAddress = createSourceAddressReader(basics.trustedProxies ?? []);
  app.use(createRequestFrame({ logger, clock, readSourceAddress, translateError }, answerError));
  guardBodies(app, basics.maxBodyBytes ?? maxBodyBytes);
  app.onError(answerError);
  app.notFound((c) => {
    throw describeMiss(app, c);
  });
  // The variables that E adds are set by the service's own middleware, which runs after ours.
  return app as unknown as OpenAPIHono<E>;
}

const knownMethods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

function describeMiss(app: OpenAPIHono<HttpEnv>, c: Context<HttpEnv>): NexusError {
  const methods = knownMethods.filter((method) =>
    app.router.match(method, c.req.path)[0].some(([[, route]]) => route.method === method),
  );
  if (methods.length === 0) return new NexusError('not_found', 'There is nothing at this path.');
  const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return noteAllowedMethods(new NexusError('method_not_allowed', 'This path does not know that method.'), allowed);
}

/**
 * Lets every route's body pass the guard after the route's own middleware: who may not call a route is told so before
 * the body is judged.
 */
function guardBodies(app: OpenAPIHono<HttpEnv>, maxBytes: number): void {
  const register = app.openapi.bind(app) as (route: RouteConfig, ...rest: unknown[]) => unknown;
  const guarded = (route: RouteConfig & { readonly middleware?: RouteMiddleware }, ...rest: unknown[]) => {
    const { method, request, middleware = [] } = route;
    if (method === 'get' || method === 'head' || method === 'options') return register(route, ...rest);
    const guard = createBodyGuard({ maxBytes, kind: readKind(request?.body) });
    return register({ ...route, middleware: [middleware, guard].flat() } as RouteConfig, ...rest);
  };
  app.openapi = guarded as unknown as typeof app.openapi;
}

type RouteMiddleware = MiddlewareHandler | readonly MiddlewareHandler[];
type RequestBody = { readonly content: object; readonly required?: boolean | undefined };

function readKind(body: RequestBody | undefined): BodyKind {
  if (body === undefined) return 'none';
  if ('application/x-www-form-urlencoded' in body.content) return 'form';
  return body.required === false ? 'optional-json' : 'json';
}
