import { NexusError } from '@nexus/core/errors';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { ReturnOriginDeps } from './create-return-origin.js';

/** From now on nobody is sent back there, flows already under way included. */
export async function deleteReturnOrigin(
  deps: Omit<ReturnOriginDeps, 'environment'>,
  input: { readonly returnOriginId: string },
  context: RequestContext,
): Promise<void> {
  const returnOrigin = await deps.database.stores.returnOrigins.findById(input.returnOriginId);
  await deps.database.transaction(async (stores) => {
    if (returnOrigin === null || !(await stores.returnOrigins.delete(returnOrigin.returnOriginId))) {
      throw new NexusError('return_origin_not_found', 'No return origin has this id.');
    }
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'return_origin.deleted',
          outcome: 'success',
          resourceId: returnOrigin.returnOriginId,
          data: { return_origin_id: returnOrigin.returnOriginId, origin: returnOrigin.origin },
        },
        toAuditOrigin(context),
      ),
    ]);
  });
}
