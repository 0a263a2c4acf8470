import type { Clock } from '@nexus/core/clock';
import type { NexusError } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import { looksLikeToken } from '@nexus/core/tokens';
import type { Context, MiddlewareHandler } from 'hono';
import type { HttpEnv } from './environment.js';
import { renderError, toNexusError } from './errors.js';
import { findHandlerRoute } from './handler-route.js';
import type { Logger } from './logger.js';
import type { SourceAddressReader } from './source-address.js';

/** Answers an error in another form than JSON for the paths under a prefix: the pages people see. */
export interface ErrorPage {
  /** Starts and ends with a slash, such as `/connect/`. */
  readonly prefix: string;
  readonly render: (error: NexusError, c: Context<HttpEnv>) => Response | Promise<Response>;
}

/** Puts a thrown value into a NexusError where the service knows what it means; others are returned as they are. */
export type ErrorTranslator = (error: unknown) => unknown;

interface FrameDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly readSourceAddress: SourceAddressReader;
  readonly translateError: ErrorTranslator;
}

/**
 * The outermost middleware: gives the request its id, answers with the headers every answer carries, and writes the one log line of
 * the request, by route pattern: a URL can hold a connection id.
 */
export function createRequestFrame(deps: FrameDeps, answerError: ErrorAnswer): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const startedAt = deps.clock.now();
    const requestId = chooseRequestId(c.req.header('x-request-id'), startedAt);
    c.set('requestId', requestId);
    c.set('startedAt', startedAt);
    const peer = c.env?.incoming?.socket.remoteAddress;
    c.set('callerIp', deps.readSourceAddress({ peer, forwardedFor: c.req.header('x-forwarded-for') }));
    try {
      await next();
      setAnswerHeaders(c.res.headers, requestId);
    } catch (thrown) {
      // Hono passes on what is not an Error, and a finished answer may carry headers that cannot be sent.
      c.error =
        thrown instanceof Error ? thrown : new Error('a value that is not an error was thrown', { cause: thrown });
      c.res = undefined;
      c.res = await answerError(c.error, c);
      setAnswerHeaders(c.res.headers, requestId);
    }
    writeAccessLog(deps, c);
  };
}

export type ErrorAnswer = (error: unknown, c: Context<HttpEnv>) => Promise<Response>;

/** Renders by the first matching page, else as JSON; a page that fails falls back to JSON. */
export function createErrorAnswer(pages: readonly ErrorPage[], translateError: ErrorTranslator): ErrorAnswer {
  return async (thrown, c) => {
    const error = translateError(thrown);
    const page = pages.find(({ prefix }) => c.req.path.startsWith(prefix));
    const answer = (page === undefined ? null : await tryPage(page, error, c)) ?? answerJson(error, c);
    const allowed = typeof error === 'object' && error !== null ? allowedMethods.get(error) : undefined;
    if (allowed !== undefined) answer.headers.set('Allow', allowed);
    return answer;
  };
}

async function tryPage(page: ErrorPage, error: unknown, c: Context<HttpEnv>): Promise<Response | null> {
  try {
    return await page.render(toNexusError(error), c);
  } catch {
    // The error being answered is the one that matters; it is logged by the frame.
    return null;
  }
}

function answerJson(error: unknown, c: Context<HttpEnv>): Response {
  const { status, headers, body } = renderError(error, c.get('requestId'));
  return new Response(JSON.stringify(body), { status, headers });
}

const allowedMethods = new WeakMap<object, string>();

/** Remembers which methods a path knows, for the Allow header that a 405 must carry (RFC 9110, section 15.5.6). */
export function noteAllowedMethods(error: NexusError, methods: readonly string[]): NexusError {
  allowedMethods.set(error, methods.join(', '));
  return error;
}

/** A caller's own id is kept so that logs can be joined, unless it is a secret somebody put into the wrong header. */
function chooseRequestId(offered: string | undefined, epochMs: number): string {
  const isUsable = offered !== undefined && /^[A-Za-z0-9._-]{1,128}$/.test(offered) && !looksLikeToken(offered);
  return isUsable ? offered : createUlid(epochMs);
}

/** A page or a stylesheet may have set its own caching and referrer rules; these stand. */
export function setAnswerHeaders(headers: Headers, requestId: string): void {
  headers.set('X-Request-Id', requestId);
  headers.set('X-Content-Type-Options', 'nosniff');
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store');
  if (!headers.has('Referrer-Policy')) headers.set('Referrer-Policy', 'no-referrer');
}

function writeAccessLog({ logger, clock, translateError }: FrameDeps, c: Context<HttpEnv>): void {
  const status = c.res.status;
  const level = status >= 500 ? 'error' : 'info';
  if (!logger.isLevelEnabled(level)) return;
  const error = c.error;
  logger[level]('request', {
    requestId: c.get('requestId'),
    method: c.req.method,
    route: findHandlerRoute(c)?.path ?? 'unmatched',
    status,
    ms: clock.now() - c.get('startedAt'),
    ...(error === undefined ? {} : { code: toNexusError(translateError(error)).code }),
    ...(error !== undefined && status >= 500 ? { error } : {}),
  });
}
