import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { type CreatedKey, createKey, type KeyDeps } from './create-key.js';

/** Creates a key with which an agent speaks for itself; several at once let it be replaced without a gap. */
export function createAgentKey(
  deps: KeyDeps,
  input: { readonly agentId: string; readonly name: string | null; readonly expiresAt: string | null },
  context: RequestContext,
): Promise<CreatedKey> {
  const { agentId, expiresAt } = input;
  const name = input.name ?? `key of ${agentId}`.slice(0, 128);
  return createKey(deps, { name, role: 'agent', expiresAt, agentId }, toAuditOrigin(context));
}
