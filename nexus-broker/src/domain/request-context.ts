import type { Principal } from './api-key.js';
import type { AuditActor, AuditOrigin } from './audit-event.js';

/** Who asked for one request, as far as it is proven. */
export interface RequestContext {
  readonly requestId: string;
  /** The caller's own key; null for an anonymous caller of a capability route. */
  readonly principal: Principal | null;
  /** The session whose token the caller showed instead of a key. */
  readonly sessionId?: string;
  readonly callerIp: string | null;
  readonly userAgent: string | null;
  /** Nobody asked: the Broker does it by itself. */
  readonly isSystem?: true;
}

export function toAuditOrigin(context: RequestContext): AuditOrigin {
  return {
    requestId: context.requestId,
    actor: toActor(context),
    callerIp: context.callerIp,
    userAgent: context.userAgent,
  };
}

function toActor({ principal, sessionId, isSystem }: RequestContext): AuditActor {
  if (isSystem === true) return systemActor;
  if (sessionId !== undefined) return { type: 'session', id: sessionId, keyHint: null };
  if (principal === null) return { type: 'anonymous', id: null, keyHint: null };
  return { type: 'key', id: principal.keyId, keyHint: principal.lastFour };
}

const systemActor: AuditActor = { type: 'system', id: null, keyHint: null };

/** The origin of what the Broker does by itself. */
export function systemOrigin(requestId: string): AuditOrigin {
  return { requestId, actor: systemActor, callerIp: null, userAgent: null };
}

/** The same, for what is otherwise done for a caller. */
export function systemContext(requestId: string): RequestContext {
  return { requestId, principal: null, callerIp: null, userAgent: null, isSystem: true };
}
