import { NexusError } from '@nexus/core/errors';
import type { AuditLog } from '../../audit/audit-log.js';
import type { Agent } from '../../domain/agent.js';
import type { Connection } from '../../domain/connection.js';
import type { Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { UserTokenError } from '../../domain/user-token-error.js';
import type { VerifiedUser } from '../../domain/verified-user.js';

/** What is known of a request for a session so far; filled in as it is judged. */
export interface SessionAttempt {
  readonly scopes: readonly string[];
  readonly isObo: boolean;
  readonly route: string;
  agent?: Agent;
  user?: VerifiedUser | null;
  connection?: Connection;
  provider?: Provider;
}

/** A refusal shall not fill the log: more than this nobody needs to see what was asked for. */
const maxScopes = 20;

/** Records a session that was not opened, with all that was proven until then; the error goes on to the caller. */
export async function noteSessionRefusal<T>(
  audit: AuditLog,
  attempt: SessionAttempt,
  context: RequestContext,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof NexusError) || error.code === 'audit_unavailable') throw error;
    const { agent, user, connection, provider } = attempt;
    // An agent's own key is the better witness of who asked than the agent it claimed to be.
    const agentId = context.principal?.agentId ?? agent?.agentId;
    await audit.note(
      {
        eventType: 'session.refused',
        outcome: 'refused',
        ...(agentId === undefined ? {} : { agentId }),
        ...(user == null ? {} : { actingFor: user.subject }),
        ...(connection === undefined
          ? {}
          : { connectionRef: connection.connectionRef, workspaceId: connection.workspaceId }),
        ...(provider === undefined ? {} : { providerName: provider.profile.name }),
        data: {
          code: error.code,
          ...(error instanceof UserTokenError ? { cause: error.fault } : {}),
          scopes: attempt.scopes.slice(0, maxScopes),
          obo: attempt.isObo,
          route: attempt.route,
          ...(user == null ? {} : { sub: { iss: user.issuer, sub: user.subject }, tenant_id: user.tenantId }),
        },
      },
      toAuditOrigin(context),
    );
    throw error;
  }
}
