import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import type { AuditLog } from '../../audit/audit-log.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { ReturnOrigin } from '../../domain/return-origin.js';
import { parseReturnOrigin, type ReturnOriginInput } from '../../domain/return-url.js';
import type { Database } from '../../stores/database.js';

export interface ReturnOriginDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly environment: 'production' | 'development';
}

/** Allows an application to have people sent back to it, under the name they will be shown. */
export async function createReturnOrigin(
  deps: ReturnOriginDeps,
  input: ReturnOriginInput,
  context: RequestContext,
): Promise<ReturnOrigin> {
  const parsed = parseReturnOrigin(input, deps.environment);
  const now = deps.clock.now();
  const returnOrigin: ReturnOrigin = { returnOriginId: createUlid(now), ...parsed, createdAt: toInstant(now) };
  await deps.database.transaction(async (stores) => {
    await stores.returnOrigins.insert(returnOrigin);
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'return_origin.created',
          outcome: 'success',
          resourceId: returnOrigin.returnOriginId,
          data: {
            return_origin_id: returnOrigin.returnOriginId,
            origin: returnOrigin.origin,
            completion: returnOrigin.completion,
            path_prefix: returnOrigin.pathPrefix,
            app_name: returnOrigin.appName,
          },
        },
        toAuditOrigin(context),
      ),
    ]);
  });
  return returnOrigin;
}
