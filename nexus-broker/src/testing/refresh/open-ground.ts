/** What all runs of the refresh property share: a real database with a clock that is moved, a vault and a log. */
import { systemClock, toInstant } from '@nexus/core/clock';
import { createKeyRing } from '@nexus/vault/key-ring';
import { createMemoryKeyProvider } from '@nexus/vault/memory-key-provider';
import { openVault } from '@nexus/vault/vault';
import Sqlite from 'better-sqlite3';
import { AuditLog } from '../../audit/audit-log.js';
import type { Provider } from '../../domain/provider.js';
import { sealClientSecrets } from '../../grants/provider-secrets.js';
import { openDatabase } from '../../stores/database.js';
import { createId, createProfile, insertProvider } from '../../stores/store-fixture.js';
import { origin } from './authority.js';
import type { SetupPlan } from './refresh-plan.js';
import { Timeline } from './timeline.js';
import { type Ground, startMs } from './world.js';

export interface OpenedGround extends Ground {
  close(): Promise<void>;
}

/** `folder` is empty and stays the caller's. */
export async function openGround(folder: string): Promise<OpenedGround> {
  const path = `${folder}/nexus.db`;
  const clockOffsetMs = () => ground.timeline.nowMs - Date.now();
  const database = await openDatabase({ url: `sqlite:${path}`, clockOffsetMs });
  const keys = createMemoryKeyProvider();
  const rows = await createKeyRing({ provider: keys, now: toInstant(systemClock.now()) });
  const vault = await openVault({ provider: keys, loadRows: async () => rows });
  const clock = { now: () => ground.timeline.nowMs };
  const providers = new Map<string, Provider>();
  const ground: OpenedGround = {
    database,
    vault,
    audit: new AuditLog({ database, vault, clock, onError: () => undefined }),
    timeline: new Timeline(startMs),
    file: new Sqlite(':memory:'),
    async provider({ rotation, isKnown, graceSeconds }: SetupPlan) {
      const name = `${rotation} ${isKnown} ${graceSeconds}`;
      const known = providers.get(name);
      if (known !== undefined) return known;
      const providerId = createId();
      const standard = createProfile();
      const refresh = { ...standard.refresh, ...(isKnown ? { rotation, graceSeconds } : {}) };
      const profile = {
        ...standard,
        tokenUrl: `${origin}/token`,
        revocationEndpoint: `${origin}/revoke`,
        downscope: 'refresh',
        refresh,
      } as const;
      const sealedSecrets = sealClientSecrets(vault, providerId, 1, ['fixture-secret']);
      const provider = await insertProvider(database, { providerId, sealedSecrets, profile });
      providers.set(name, provider);
      return provider;
    },
    async close() {
      ground.file.close();
      await database[Symbol.asyncDispose]();
    },
  };
  await database.migrate();
  ground.file = new Sqlite(path, { readonly: true });
  return ground;
}
