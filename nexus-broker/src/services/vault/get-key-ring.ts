import type { Vault } from '@nexus/vault/vault';
import { type BrokerInstance, liveSeconds, type ResealingProgress } from '../../domain/key-rotation.js';
import type { Database } from '../../stores/database.js';
import { countRemaining, type DataKeyView, type KekView, viewDataKeys, viewKek } from './key-ring-view.js';

export interface GetKeyRingDeps {
  readonly database: Database;
  readonly vault: Vault;
}

export interface KeyRingView {
  readonly keks: readonly KekView[];
  readonly keys: readonly DataKeyView[];
  readonly replicas: readonly BrokerInstance[];
  readonly resealing: readonly { readonly progress: ResealingProgress; readonly remaining: number }[];
}

/** The ring, the replicas at work and how far re-sealing is. */
export async function getKeyRing({ database, vault }: GetKeyRingDeps): Promise<KeyRingView> {
  const { stores } = database;
  const keys = await stores.keyRing.list();
  const resealing = [];
  for (const progress of await stores.resealing.list()) {
    resealing.push({ progress, remaining: await countRemaining(stores, progress.keyId, progress.target) });
  }
  return {
    keks: (await stores.keks.list()).map((kek) => viewKek(keys, kek)),
    keys: await viewDataKeys(stores, vault, keys),
    replicas: await stores.brokerInstances.listSeenWithin(liveSeconds),
    resealing,
  };
}
