/** Whether an entry is one of ours: only such a one is sealed, whoever wrote the row. */
import { hashEntry } from '@nexus/audit-chain/chain';
import type { Vault } from '@nexus/vault/vault';
import type { AuditEntry } from '../domain/audit-event.js';

export type EntryFault = 'hash' | 'mac' | 'columns' | 'unknown key';

/** Null for an entry whose text, hash and columns agree and that an audit key of the ring vouches for. */
export function findEntryFault(vault: Pick<Vault, 'mac' | 'knows'>, row: AuditEntry): EntryFault | null {
  if (!equal(hashEntry(row.entry), row.entryHash)) return 'hash';
  if (!vault.knows(row.macKey)) return 'unknown key';
  if (!hasMac(vault, row)) return 'mac';
  return fitsColumns(row) ? null : 'columns';
}

function hasMac(vault: Pick<Vault, 'mac'>, row: AuditEntry): boolean {
  try {
    return equal(vault.mac(row.entryHash, row.macKey).mac, row.mac);
  } catch {
    // The row names a key of another purpose.
    return false;
  }
}

interface Written {
  readonly v: number;
  readonly id: string;
  readonly created_at: string;
  readonly event_type: string;
  readonly outcome: string;
  readonly actor: { readonly id: string | null };
  readonly connection_ref?: string;
  readonly resource_id?: string;
  readonly agent_id?: string;
  readonly workspace_id?: string;
}

/** The log is searched by its columns, so they must say what the entry says. */
function fitsColumns(row: AuditEntry): boolean {
  // The mac has shown that a Broker wrote it.
  const written = JSON.parse(row.entry) as Written;
  const ref = written.connection_ref ?? null;
  return (
    row.id === written.id &&
    row.createdAt === written.created_at &&
    row.eventType === written.event_type &&
    row.outcome === written.outcome &&
    row.actorId === written.actor.id &&
    row.connectionRef === ref &&
    // Entries of the first version do not carry it.
    (written.v === 1 || row.resourceId === (written.resource_id ?? ref)) &&
    row.agentId === (written.agent_id ?? null) &&
    row.workspaceId === (written.workspace_id ?? null)
  );
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
