/** How an audit entry crosses the line to its row. */
import type { Selectable } from 'kysely';
import type { AuditEntry } from '../domain/audit-event.js';
import type { AuditEventTable } from './schema.js';

/** In the order of `toRow`, which is the order of a statement's parameters. */
export const auditColumns = [
  'id',
  'created_at',
  'event_type',
  'outcome',
  'actor_id',
  'connection_ref',
  'resource_id',
  'agent_id',
  'workspace_id',
  'entry',
  'entry_hash',
  'mac',
  'mac_key',
] as const satisfies readonly (keyof AuditEventTable)[];

export function toRow(entry: AuditEntry): AuditEventTable {
  return {
    id: entry.id,
    created_at: entry.createdAt,
    event_type: entry.eventType,
    outcome: entry.outcome,
    actor_id: entry.actorId,
    connection_ref: entry.connectionRef,
    resource_id: entry.resourceId,
    agent_id: entry.agentId,
    workspace_id: entry.workspaceId,
    entry: entry.entry,
    entry_hash: entry.entryHash,
    mac: entry.mac,
    mac_key: entry.macKey,
  };
}

export function toEntry(row: Selectable<AuditEventTable>): AuditEntry {
  return {
    id: row.id,
    createdAt: row.created_at,
    eventType: row.event_type,
    outcome: row.outcome,
    actorId: row.actor_id,
    connectionRef: row.connection_ref,
    resourceId: row.resource_id,
    agentId: row.agent_id,
    workspaceId: row.workspace_id,
    entry: row.entry,
    entryHash: row.entry_hash,
    mac: row.mac,
    macKey: row.mac_key,
  };
}
