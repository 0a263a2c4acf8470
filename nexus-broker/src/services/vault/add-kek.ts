import { NexusError } from '@nexus/core/errors';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { createKek } from '../../keyring/create-kek.js';
import { actOnChange, type KeyRingDeps } from '../../keyring/key-ring-deps.js';
import { findKekView } from './find-kek.js';
import type { KekView } from './key-ring-view.js';

/**
 * Makes a key-encryption key known that the key provider holds already; every replica then reports whether it holds the
 * same key. Nothing is wrapped by it yet.
 *
 * @throws NexusError `kek_exists`, `kek_unusable`, `key_provider_unavailable`.
 */
export async function addKek(
  deps: KeyRingDeps,
  input: { readonly id: string },
  context: RequestContext,
): Promise<KekView> {
  const { database, audit, fence } = deps;
  if ((await database.stores.keks.find(input.id)) !== null) throw existsAlready();
  const kek = await createKek(deps.keyProvider, input.id);
  await database.transaction(async (stores) => {
    if (!(await stores.keks.insert({ ...kek, state: 'added' }))) throw existsAlready();
    const entry = audit.entry(
      { eventType: 'vault.key_added', outcome: 'success', resourceId: kek.id, data: { kek_id: kek.id } },
      toAuditOrigin(context),
    );
    await stores.audit.insert([entry]);
  });
  await fence.prove().catch(deps.onBackgroundError);
  await actOnChange(deps);
  return findKekView(database.stores, kek.id);
}

function existsAlready(): NexusError {
  return new NexusError('kek_exists', 'A key-encryption key of this id is known already.');
}
