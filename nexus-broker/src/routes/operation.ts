/** What every contract of the Broker is made of. */
import { type OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import { ErrorBody } from '@nexus/broker-api/errors';
import { type ErrorCode, errorCodes } from '@nexus/core/errors';
import type { Role } from '../domain/api-key.js';
import { type Access, type AccessDeps, type AuditDeclaration, type BrokerEnv, requireAccess } from './access.js';

export type BrokerApp = OpenAPIHono<BrokerEnv>;

interface Policy {
  readonly 'x-nexus-access': Access;
  readonly 'x-nexus-audit': AuditDeclaration;
  readonly security: { [scheme: string]: string[] }[];
}

/** A route only the Gateway calls; `roles` judges the key of the caller behind it, if it sent one. */
export function gatewayRoute(roles: Access['roles'], audit: AuditDeclaration): Policy {
  return { 'x-nexus-access': { through: 'gateway', roles }, 'x-nexus-audit': audit, security: [{ apiKey: [] }] };
}

export function keyRoute(roles: readonly Role[], audit: AuditDeclaration): Policy {
  return { 'x-nexus-access': { through: 'direct', roles }, 'x-nexus-audit': audit, security: [{ apiKey: [] }] };
}

/** A probe: nobody is asked for a key. */
export function openRoute(whyNoAudit: string) {
  return { 'x-nexus-access': 'open', 'x-nexus-audit': { none: whyNoAudit }, security: [] };
}

/** Puts the declared access in front of the handler. `deps` is read per request, so that a contract needs none. */
export function guard<R extends RouteConfig & Policy>(route: R, deps: AccessDeps) {
  return { ...route, middleware: requireAccess(() => deps, route['x-nexus-access'], route.operationId ?? '') };
}

export function jsonBody<T extends z.ZodType>(schema: T) {
  return { body: { required: true, content: { 'application/json': { schema } } } } as const;
}

export function optionalJsonBody<T extends z.ZodType>(schema: T) {
  return { body: { required: false, content: { 'application/json': { schema } } } } as const;
}

export function jsonAnswer<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } } as const;
}

type ErrorAnswers = Record<`${4 | 5}${number}` & string, ReturnType<typeof jsonAnswer<typeof ErrorBody>>>;

const everyRoute: readonly ErrorCode[] = [
  'invalid_request',
  'missing_api_key',
  'invalid_api_key',
  'forbidden',
  'rate_limited',
  'internal_error',
  'broker_unavailable',
];

/** The error answers of a route by status, each naming its codes; those every route may give are included. */
export function errorAnswers(...codes: readonly ErrorCode[]): ErrorAnswers {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...everyRoute, ...codes]) {
    const { status } = errorCodes[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const answers = [...byStatus].sort(([a], [b]) => a - b);
  return Object.fromEntries(
    answers.map(([status, names]) => [String(status), jsonAnswer(ErrorBody, names.join(', '))]),
  ) as ErrorAnswers;
}

export const idParameter = z.object({
  id: z
    .string()
    .min(1)
    .max(128)
    .openapi({ param: { name: 'id', in: 'path' } }),
});

export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).optional(),
  cursor: z.string().max(128).optional(),
});

export const forceQuery = z.object({ force: z.enum(['true', 'false']).optional() });

export const reasonQuery = z.object({ reason: z.string().min(1).max(255).optional() });
