import { NexusError } from '@nexus/core/errors';
import type { Kek } from '../../domain/key-rotation.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { actOnChange, type KeyRingDeps } from '../../keyring/key-ring-deps.js';
import { requireReplicas } from '../../keyring/replicas.js';
import { requireHeldKek } from '../../keyring/require-held-kek.js';
import { rewrapRing } from '../../keyring/rewrap-ring.js';
import type { Stores } from '../../stores/database.js';
import type { RewrapInput } from '../../stores/key-ring-store.js';
import { findKek, findKekView } from './find-kek.js';
import type { KekView } from './key-ring-view.js';

/** One that was primary before may become so again. */
const promotable = ['added', 'decrypt-only'] as const;

/**
 * Wraps every data key under another key-encryption key, all in one transaction. The key provider is asked before it
 * opens, so what was asked for must still be what is stored.
 *
 * @throws NexusError `kek_not_found`, `key_state_conflict`, `replicas_behind`, `kek_unusable`,
 * `key_provider_unavailable`.
 */
export async function promoteKek(
  deps: KeyRingDeps,
  input: { readonly id: string },
  context: RequestContext,
): Promise<KekView> {
  const { stores } = deps.database;
  const kek = await findKek(stores, input.id);
  if (!promotable.some((state) => state === kek.state)) throw wrongState(kek);
  await deps.fence.prove();
  await deps.fence.beat();
  await requireReplicas(stores, {
    isMet: ({ keks }) => keks.includes(kek.id),
    lack: `do not hold key ${JSON.stringify(kek.id)}`,
  });
  // The proof that replicas report may be a minute old.
  await requireHeldKek(deps.keyProvider, kek);
  const rewrapped = await rewrapRing(deps.keyProvider, await stores.keyRing.list(), kek.id);
  await requireHeldKek(deps.keyProvider, kek);
  await deps.database.transaction((transaction) => store(deps, transaction, kek, rewrapped, context));
  await actOnChange(deps);
  return findKekView(stores, kek.id);
}

async function store(
  { audit }: KeyRingDeps,
  stores: Stores,
  kek: Kek,
  rewrapped: readonly RewrapInput[],
  context: RequestContext,
): Promise<void> {
  await stores.keyRing.lock();
  for (const key of rewrapped) if (!(await stores.keyRing.rewrap(key))) throw ringChanged();
  const rows = await stores.keyRing.list();
  if (rows.some((row) => row.state !== 'destroyed' && row.wrappedBy !== kek.id)) throw ringChanged();
  const replaced = (await stores.keks.list()).find((other) => other.state === 'primary');
  if (replaced !== undefined) await stores.keks.changeState(replaced.id, ['primary'], 'decrypt-only');
  if (!(await stores.keks.changeState(kek.id, promotable, 'primary'))) throw ringChanged();
  const entry = audit.entry(
    {
      eventType: 'vault.promoted',
      outcome: 'success',
      resourceId: kek.id,
      data: { kek_id: kek.id, replaced: replaced?.id ?? null, rewrapped: rewrapped.length },
    },
    toAuditOrigin(context),
  );
  await stores.audit.insert([entry]);
}

function wrongState(kek: Kek): NexusError {
  const id = JSON.stringify(kek.id);
  return new NexusError('key_state_conflict', `Key ${id} is ${kek.state}; this step needs one that is added.`);
}

function ringChanged(): NexusError {
  return new NexusError('key_state_conflict', 'The key ring changed meanwhile, and nothing was promoted; try again.');
}
