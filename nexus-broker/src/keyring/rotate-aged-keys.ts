import { toEpochMs } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import { systemOrigin } from '../domain/request-context.js';
import type { KeyRingDeps } from './key-ring-deps.js';
import { rotateDataKeys, rotatedPurposes } from './rotate-data-keys.js';

const dayMs = 86_400_000;
/** Longer than a rotation takes, so that two Brokers do not both replace a key. */
const leaseSeconds = 60;

/** Replaces the data keys that sealed for longer than so many days; never where `days` is 0. */
export async function rotateAgedKeys(deps: KeyRingDeps, days: number): Promise<void> {
  if (days === 0) return;
  const { database, fence } = deps;
  const nowMs = toEpochMs(await database.now());
  const listAged = async () => {
    const rows = await database.stores.keyRing.list();
    return rows
      .filter((row) => row.state === 'active' && rotatedPurposes.includes(row.purpose))
      .filter((row) => nowMs - toEpochMs(row.activatedAt ?? row.createdAt) >= days * dayMs)
      .map((row) => row.purpose);
  };
  if ((await listAged()).length === 0) return;
  const lease = { name: 'key-rotation', owner: fence.instanceId, seconds: leaseSeconds };
  if (!(await database.transaction((stores) => stores.jobLeases.acquire(lease)))) return;
  try {
    const purposes = await listAged();
    if (purposes.length > 0) await rotateDataKeys(deps, purposes, systemOrigin(createUlid(nowMs)));
  } finally {
    await database.transaction((stores) => stores.jobLeases.release(lease.name, lease.owner));
  }
}
