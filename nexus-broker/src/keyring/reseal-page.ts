/**
 * Seals one page of values again. Opening and sealing happen outside of the transaction; inside, a value is replaced only
 * while it is byte for byte the one that was opened, so whoever stored a newer one in between keeps it.
 */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type Clock, toInstant } from '@nexus/core/clock';
import { VaultError } from '@nexus/vault/key-provider';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import { readKeyId, reseal, type SealedBlob, type Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../audit/audit-log.js';
import type { AuditEntry, AuditOrigin } from '../domain/audit-event.js';
import { nameTarget, type SealedRow, type SealedTarget, toBlobContext } from '../domain/sealed-targets.js';
import { witness } from '../domain/store-witness.js';
import type { Database, Stores } from '../stores/database.js';

export interface ResealDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

export interface ResealWork {
  readonly key: KeyRingRow;
  readonly target: SealedTarget;
  readonly origin: AuditOrigin;
  /** Renews the lease as part of the page's transaction. @throws when it is lost. */
  readonly renewLease: (stores: Stores) => Promise<void>;
}

interface Resealed {
  readonly from: SealedRow;
  readonly sealed: SealedBlob;
}

interface OpenedPage {
  readonly resealed: readonly Resealed[];
  /** Values that do not authenticate. */
  readonly failed: readonly SealedRow[];
  readonly lastRow: string;
}

/** Values between which others get their turn. */
const atOnce = 20;

/** `rows` has at least one. Returns the last row that was done. @throws what `renewLease` throws; nothing is changed then. */
export async function resealPage(deps: ResealDeps, work: ResealWork, rows: readonly SealedRow[]): Promise<string> {
  const toKey = deps.vault.sealingKeys()[work.target.purpose];
  const page = await openPage(deps.vault, work, rows, toKey);
  await deps.database.transaction(async (stores) => {
    await stores.sealedBlobs.giveWay();
    await work.renewLease(stores);
    const changes = page.resealed.map(({ from, sealed }) => ({ row: from.row, expected: from.blob, sealed }));
    const changed = await stores.sealedBlobs.replace(work.target, changes);
    const replaced = page.resealed.filter(({ from }) => changed.has(from.row));
    const entries: AuditEntry[] = [];
    for (const row of page.failed) entries.push(...(await markDamaged(deps, stores, work, row)));
    if (replaced.length > 0 || page.failed.length > 0) {
      entries.push(describePage(deps.audit, work, { replaced, failed: page.failed.length, toKey }));
    }
    await stores.audit.insert(entries);
    await stores.resealing.advance({
      keyId: work.key.id,
      target: nameTarget(work.target),
      cursor: page.lastRow,
      resealed: replaced.length,
      failed: page.failed.length,
    });
  });
  return page.lastRow;
}

async function openPage(
  vault: Vault,
  { target }: ResealWork,
  rows: readonly SealedRow[],
  toKey: number,
): Promise<OpenedPage> {
  const resealed: Resealed[] = [];
  const failed: SealedRow[] = [];
  let lastRow = '';
  for (const [index, from] of rows.entries()) {
    if (index % atOnce === atOnce - 1) await yieldToOthers();
    try {
      const sealed = reseal(vault, from.blob, toBlobContext(target, from));
      // Another key took over in the middle of the page: the rest is for the next one.
      if (sealed === null || readKeyId(sealed) !== toKey) break;
      resealed.push({ from, sealed });
    } catch (error) {
      if (!(error instanceof VaultError) || error.code !== 'integrity') throw error;
      failed.push(from);
    }
    lastRow = from.row;
  }
  return { resealed, failed, lastRow };
}

/** A damaged credential ends as it does when somebody reads it. */
async function markDamaged(
  { audit, clock }: ResealDeps,
  stores: Stores,
  { target, origin }: ResealWork,
  damaged: SealedRow,
): Promise<readonly AuditEntry[]> {
  if (target.table !== 'connection') return [];
  const isMarked = await stores.connections.markAttention({
    connectionRef: damaged.row,
    expectedVersion: damaged.version,
    reason: 'integrity',
    at: toInstant(clock.now()),
  });
  if (!isMarked) return [];
  const provider = await stores.providers.findAnyById(damaged.providerId);
  const entry = audit.entry(
    {
      eventType: 'connection.attention',
      outcome: 'failure',
      connectionRef: damaged.row,
      ...(provider === null ? {} : { providerName: provider.profile.name }),
      workspaceId: damaged.workspaceId,
      data: { reason: 'integrity' },
    },
    origin,
  );
  return [entry];
}

function describePage(
  audit: AuditLog,
  { key, target, origin }: ResealWork,
  page: { readonly replaced: readonly Resealed[]; readonly failed: number; readonly toKey: number },
): AuditEntry {
  const rows = page.replaced.map(({ from, sealed }) => {
    const { row, version, blobSha256 } = witness('connection', from.row, from.version, sealed);
    return { row, version, blob_sha256: blobSha256 };
  });
  return audit.entry(
    {
      eventType: 'vault.resealed',
      outcome: page.failed === 0 ? 'success' : 'failure',
      resourceId: String(key.id),
      data: {
        from_key: String(key.id),
        to_key: String(page.toKey),
        table: target.table,
        column: target.column,
        // Flows end within minutes, and what their values were is nobody's question afterwards.
        rows: target.isWitnessed ? rows : [],
        failed: page.failed,
      },
    },
    origin,
  );
}
