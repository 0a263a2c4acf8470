/** Writes the audit log as its tables hold it, in the export format of `@nexus/audit-chain`. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type EntryColumns, exportFormat, type StoredEntry, writeLine } from '@nexus/audit-chain/export-format';
import type { AuditEntry } from '../domain/audit-event.js';
import type { LinkedEntry, StoredCheckpoint } from '../stores/audit-chain-store.js';
import type { EntryPosition } from '../stores/audit-query.js';
import type { Stores } from '../stores/database.js';

/** Both ends are included; null leaves one open. */
export interface ExportRange {
  readonly fromSeq: number | null;
  readonly toSeq: number | null;
}

type ExportStores = Pick<Stores, 'audit' | 'auditChain'>;

/** Entries or checkpoints that one read takes; on SQLite it holds up everything else for about two milliseconds. */
const pageSize = 500;

/**
 * Yields text of whole lines. A closed range gives the same bytes at any time, once a checkpoint covers its end. An open
 * one ends at the newest link, and shows what is not sealed too.
 */
export async function* renderExport(stores: ExportStores, range: ExportRange): AsyncGenerator<string> {
  const { fromSeq, toSeq } = range;
  // Checkpoints are looked up before links: nothing honest is then newer than the links that are shown.
  const newest = await stores.auditChain.newestCheckpoint();
  const head = await stores.auditChain.head();
  const lastSeq = toSeq ?? head?.seq ?? 0;
  const lastCheckpoint = toSeq ?? newest?.size ?? 0;
  let lines = 1;
  yield writeLine({ kind: 'header', format: exportFormat, from_seq: fromSeq, to_seq: toSeq });
  for await (const page of pageSealed(stores, fromSeq ?? 1, lastSeq)) {
    lines += page.length;
    yield page.map(writeSealed).join('');
  }
  for await (const page of toSeq === null ? pageUnsealed(stores) : []) {
    lines += page.length;
    yield page.map((entry) => writeLine({ kind: 'unsealed', stored: toStored(entry) })).join('');
  }
  for await (const page of pageCheckpoints(stores, fromSeq ?? 1, lastCheckpoint)) {
    lines += page.length;
    yield page.map(writeCheckpoint).join('');
  }
  yield writeLine({ kind: 'end', lines, exported_at: toSeq === null ? await stores.auditChain.now() : null });
}

async function* pageSealed({ auditChain }: ExportStores, first: number, last: number): AsyncGenerator<LinkedEntry[]> {
  let from = first;
  while (from <= last) {
    const page = await auditChain.list({ from, to: last, limit: pageSize });
    const end = page.at(-1);
    if (end === undefined) return;
    yield page;
    from = end.link.seq + 1;
    await yieldToOthers();
  }
}

async function* pageUnsealed({ audit }: ExportStores): AsyncGenerator<readonly AuditEntry[]> {
  let from: EntryPosition | null = null;
  do {
    const slice: Awaited<ReturnType<typeof audit.listUnsealed>> = await audit.listUnsealed(from, pageSize);
    if (slice.entries.length > 0) yield slice.entries;
    from = slice.next;
    await yieldToOthers();
  } while (from !== null);
}

async function* pageCheckpoints(
  { auditChain }: ExportStores,
  first: number,
  last: number,
): AsyncGenerator<StoredCheckpoint[]> {
  let from = first;
  while (from <= last) {
    const page = await auditChain.listCheckpoints({ from, to: last, limit: pageSize });
    const end = page.at(-1);
    if (end === undefined) return;
    yield page;
    from = end.size + 1;
    await yieldToOthers();
  }
}

function writeSealed({ link, entry }: LinkedEntry): string {
  return writeLine({
    kind: 'sealed',
    seq: link.seq,
    event_id: link.eventId,
    prev_hash: toHex(link.prevHash),
    hash: toHex(link.hash),
    stored: entry === null ? null : toStored(entry),
  });
}

function writeCheckpoint({ size, createdAt, note }: StoredCheckpoint): string {
  return writeLine({ kind: 'checkpoint', size, created_at: createdAt, note });
}

function toStored(entry: AuditEntry): StoredEntry {
  const columns: EntryColumns = {
    id: entry.id,
    created_at: entry.createdAt,
    event_type: entry.eventType,
    outcome: entry.outcome,
    actor_id: entry.actorId,
    connection_ref: entry.connectionRef,
    resource_id: entry.resourceId,
    agent_id: entry.agentId,
    workspace_id: entry.workspaceId,
  };
  return {
    entry: entry.entry,
    entry_hash: toHex(entry.entryHash),
    mac: toHex(entry.mac),
    mac_key: entry.macKey,
    columns,
  };
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
