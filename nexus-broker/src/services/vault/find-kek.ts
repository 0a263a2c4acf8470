import { NexusError } from '@nexus/core/errors';
import type { Kek } from '../../domain/key-rotation.js';
import type { Stores } from '../../stores/database.js';
import { type KekView, viewKek } from './key-ring-view.js';

/** @throws NexusError `kek_not_found`. */
export async function findKek(stores: Stores, id: string): Promise<Kek> {
  const kek = await stores.keks.find(id);
  if (kek === null) throw new NexusError('kek_not_found', 'No key-encryption key has this id.');
  return kek;
}

export async function findKekView(stores: Stores, id: string): Promise<KekView> {
  return viewKek(await stores.keyRing.list(), await findKek(stores, id));
}
