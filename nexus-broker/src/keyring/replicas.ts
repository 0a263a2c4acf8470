import { NexusError } from '@nexus/core/errors';
import { type BrokerInstance, liveSeconds } from '../domain/key-rotation.js';
import type { Stores } from '../stores/database.js';

export interface ReplicaCondition {
  readonly isMet: (instance: BrokerInstance) => boolean;
  /** What the replicas that do not meet it are told to lack, such as `do not know data key 7 yet`. */
  readonly lack: string;
  /** How long ago a replica may have been seen last to count; 15 s without it. */
  readonly withinSeconds?: number;
}

/** Replicas that do not meet the condition. */
export async function findBehind(stores: Stores, condition: ReplicaCondition): Promise<readonly BrokerInstance[]> {
  const seen = await stores.brokerInstances.listSeenWithin(condition.withinSeconds ?? liveSeconds);
  return seen.filter((instance) => !condition.isMet(instance));
}

/** @throws NexusError `replicas_behind`, naming them. */
export async function requireReplicas(stores: Stores, condition: ReplicaCondition): Promise<void> {
  const behind = await findBehind(stores, condition);
  if (behind.length === 0) return;
  const names = behind.map(({ id, seenAt }) => `${id} (last seen ${seenAt})`).join(', ');
  throw new NexusError('replicas_behind', `These replicas ${condition.lack}: ${names}.`);
}
