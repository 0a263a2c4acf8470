import { NexusError } from '@nexus/core/errors';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { endSessions } from '../../sessions/end-sessions.js';
import type { EndedTokens } from '../../sessions/ended-tokens.js';
import type { IssuerDeps } from './create-issuer.js';

export interface DeleteIssuerDeps extends Pick<IssuerDeps, 'database' | 'audit'> {
  readonly endedTokens: EndedTokens;
}

/** From now on none of its tokens opens a session, and those its users opened are closed. */
export async function deleteIssuer(
  deps: DeleteIssuerDeps,
  input: { readonly issuerId: string },
  context: RequestContext,
): Promise<{ readonly sessionsClosed: number }> {
  const origin = toAuditOrigin(context);
  const issuer = await deps.database.stores.userIssuers.findById(input.issuerId);
  const sessionsClosed = await deps.database.transaction(async (stores) => {
    if (issuer === null || !(await stores.userIssuers.delete(issuer.issuerId))) {
      throw new NexusError('issuer_not_found', 'No issuer has this id.');
    }
    const filter = { userIssuer: issuer.issuer };
    const closed = await endSessions(stores, deps.audit, { filter, end: 'issuer_deleted', origin });
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'issuer.deleted',
          outcome: 'success',
          resourceId: issuer.issuerId,
          data: { issuer_id: issuer.issuerId, issuer: issuer.issuer, sessions_closed: closed.length },
        },
        origin,
      ),
    ]);
    return closed.length;
  });
  deps.endedTokens.discardSoon();
  return { sessionsClosed };
}
