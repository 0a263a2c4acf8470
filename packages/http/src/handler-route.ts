import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { HttpEnv } from './environment.js';

/**
 * The route whose handler answers this request, or null when only middleware matched. Middleware stands under ALL with
 * a wildcard, before or after the routes it covers.
 */
export function findHandlerRoute(c: Context<HttpEnv>): { readonly method: string; readonly path: string } | null {
  return matchedRoutes(c).findLast(({ method, path }) => method !== 'ALL' || !path.endsWith('*')) ?? null;
}
