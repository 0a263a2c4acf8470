/** Who may call an operation: declared next to its contract, decided here before anything else runs. */
import { NexusError } from '@nexus/core/errors';
import type { HttpEnv } from '@nexus/http/environment';
import type { MiddlewareHandler } from 'hono';
import type { AuditLog } from '../audit/audit-log.js';
import type { Principal, Role } from '../domain/api-key.js';
import type { AuditEventType } from '../domain/audit-event.js';
import type { MissLimiter } from '../domain/miss-limiter.js';
import { type RequestContext, toAuditOrigin } from '../domain/request-context.js';
import { toSourceKey } from '../domain/source-key.js';
import { type AuthenticateDeps, authenticateKey } from '../services/keys/authenticate-key.js';

export interface Access {
  /** `gateway`: only the Gateway's own key opens the route. `direct`: the caller's key, sent here or passed on. */
  readonly through: 'gateway' | 'direct';
  /**
   * Roles of the caller. On a gateway route `anyone` also lets a caller without a key through, one with a key only in a
   * role that has to do with connections; `everybody` does not ask for the role.
   */
  readonly roles: readonly Role[] | 'anyone' | 'everybody';
}

/** What an operation writes to the audit log, or why it writes nothing; a test reads this. */
export type AuditDeclaration = readonly AuditEventType[] | { readonly none: string };

export interface BrokerEnv extends HttpEnv {
  Variables: HttpEnv['Variables'] & { context: RequestContext };
}

export interface AccessDeps extends AuthenticateDeps {
  readonly audit: AuditLog;
  readonly authLimiter: MissLimiter;
}

/** Roles a caller of a capability route may have when it sends a key at all. */
const callerRoles: readonly Role[] = ['app', 'agent', 'operator', 'admin'];

/**
 * Authenticates the key of the request and, where the Gateway asks for somebody, that caller's key. The caller's key is
 * the principal that is authorized and audited; the Gateway's own key opens `/internal/v1` and nothing else.
 *
 * @throws NexusError `missing_api_key`, `invalid_api_key`, `forbidden`, `rate_limited`.
 */
export function requireAccess(
  getDeps: () => AccessDeps,
  access: Access,
  operation: string,
): MiddlewareHandler<BrokerEnv> {
  return async (c, next) => {
    const deps = getDeps();
    const read = (name: string) => c.req.header(name) ?? null;
    const direct: RequestContext = {
      requestId: c.get('requestId'),
      principal: null,
      callerIp: c.get('callerIp') === '' ? null : c.get('callerIp'),
      userAgent: read('user-agent')?.slice(0, 256) ?? null,
    };
    const transport = await identify(deps, read('x-api-key'), direct);
    if (transport === null) throw await refuse(deps, 'missing_api_key', direct);
    const context =
      transport.role === 'gateway'
        ? await readCaller(deps, read, { ...direct, principal: transport })
        : { ...direct, principal: transport };
    if (!isAllowed(access, transport, context.principal)) {
      throw await refuseRole(
        deps,
        operation,
        context.principal === null ? { ...context, principal: transport } : context,
      );
    }
    c.set('context', context);
    await next();
  };
}

/** The headers with which the Gateway speaks for somebody; honoured from its role only. */
async function readCaller(
  deps: AccessDeps,
  read: (name: string) => string | null,
  gateway: RequestContext,
): Promise<RequestContext> {
  const anonymous: RequestContext = {
    requestId: gateway.requestId,
    principal: null,
    callerIp: read('x-nexus-caller-ip')?.slice(0, 64) ?? null,
    userAgent: decodeUserAgent(read('x-nexus-caller-user-agent')),
  };
  const principal = await identify(deps, read('x-nexus-caller-key'), anonymous);
  return { ...anonymous, principal };
}

function decodeUserAgent(value: string | null): string | null {
  if (value === null) return null;
  try {
    // Cut by characters: half of one could not be recorded.
    return Array.from(decodeURIComponent(value)).slice(0, 256).join('');
  } catch {
    return null;
  }
}

async function identify(deps: AccessDeps, key: string | null, context: RequestContext): Promise<Principal | null> {
  if (key === null) return null;
  try {
    return await authenticateKey(deps, key);
  } catch (error) {
    if (!(error instanceof NexusError) || error.code !== 'invalid_api_key') throw error;
    throw await refuse(deps, 'invalid_api_key', context);
  }
}

function isAllowed(access: Access, transport: Principal, caller: Principal | null): boolean {
  if (access.through === 'gateway') {
    if (transport.role !== 'gateway') return false;
    if (access.roles === 'everybody') return true;
    if (caller === null) return access.roles === 'anyone';
    return (access.roles === 'anyone' ? callerRoles : access.roles).includes(caller.role);
  }
  return caller !== null && typeof access.roles !== 'string' && access.roles.includes(caller.role);
}

/** Refusals are limited per source, never per key: a valid key works during any flood. */
async function refuse(
  deps: AccessDeps,
  code: 'missing_api_key' | 'invalid_api_key',
  context: RequestContext,
): Promise<NexusError> {
  await deps.audit.note({ eventType: 'auth.failed', outcome: 'refused', data: { code } }, toAuditOrigin(context));
  const retryAfter = deps.authLimiter.countMiss(toSourceKey(context.callerIp));
  if (retryAfter !== null) {
    return new NexusError('rate_limited', 'Too many refused keys from this address.', { retryAfter });
  }
  return code === 'missing_api_key'
    ? new NexusError('missing_api_key', 'Send a key in the X-API-Key header.')
    : new NexusError('invalid_api_key', 'This key does not exist, was revoked or has expired.');
}

async function refuseRole(deps: AccessDeps, operation: string, context: RequestContext): Promise<NexusError> {
  await deps.audit.note(
    {
      eventType: 'auth.forbidden',
      outcome: 'refused',
      data: { role: context.principal?.role ?? null, operation },
    },
    toAuditOrigin(context),
  );
  return new NexusError('forbidden', 'The role of this key may not do this.');
}
