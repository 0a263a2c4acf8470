import type { AuditLog } from '../../audit/audit-log.js';
import type { AuditOrigin } from '../../domain/audit-event.js';
import { recordEnds } from '../../sessions/end-sessions.js';
import type { EndedTokens } from '../../sessions/ended-tokens.js';
import type { Database } from '../../stores/database.js';

interface SweepDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly endedTokens: EndedTokens;
}

const batch = 500;
const keepEndedSeconds = 30 * 24 * 3600;
/** Clocks of issuers differ from ours; a token remembered a while longer cannot come back. */
const keepUsedTokenSeconds = 3600;

/** Records sessions that ran out, with their keys or by themselves. */
export async function sweepSessions(deps: SweepDeps, origin: AuditOrigin): Promise<void> {
  for (const take of ['expireDue', 'closeOfExpiredKeys'] as const) {
    await repeat(() =>
      deps.database.transaction(async (stores) => {
        const ended = await stores.sessions[take](batch);
        await recordEnds(stores, deps.audit, ended, origin);
        return ended.length;
      }),
    );
  }
  deps.endedTokens.discardSoon();
}

/** Forgets what nobody asks about any more. */
export async function purgeSessions({ database }: { readonly database: Database }): Promise<void> {
  await repeat(() =>
    database.transaction((stores) => stores.sessions.deleteEndedBefore({ secondsAgo: keepEndedSeconds, limit: batch })),
  );
  await repeat(() =>
    database.transaction((stores) =>
      stores.usedUserTokens.deleteExpired({ secondsAgo: keepUsedTokenSeconds, limit: batch }),
    ),
  );
}

/** In short transactions, until one of them was not full. */
async function repeat(work: () => Promise<number>): Promise<void> {
  while ((await work()) === batch);
}
