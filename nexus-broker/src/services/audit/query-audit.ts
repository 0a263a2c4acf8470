import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { isUlid } from '@nexus/core/ids';
import type { AuditEntry, AuditOutcome } from '../../domain/audit-event.js';
import type { Database } from '../../stores/database.js';

export interface QueryAuditInput {
  readonly eventTypes: readonly string[];
  readonly connectionRef: string | null;
  readonly resourceId: string | null;
  readonly agentId: string | null;
  readonly actor: string | null;
  readonly workspaceId: string | null;
  readonly outcome: AuditOutcome | null;
  readonly since: string | null;
  readonly until: string | null;
  readonly limit: number;
  readonly cursor: string | null;
  readonly order: 'desc' | 'asc';
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly nextCursor: string | null;
}

/** One page of the log. The cursor names the last entry of the page before, so new entries never shift a page. */
export async function queryAudit(deps: { readonly database: Database }, input: QueryAuditInput): Promise<AuditPage> {
  const rows = await deps.database.stores.audit.list({
    ...(input.eventTypes.length === 0 ? {} : { eventTypes: [...input.eventTypes] }),
    ...given('connectionRef', input.connectionRef),
    ...given('resourceId', input.resourceId),
    ...given('agentId', input.agentId),
    ...given('actor', input.actor),
    ...given('workspaceId', input.workspaceId),
    ...given('outcome', input.outcome),
    ...given('since', parseInstant(input.since, 'since')),
    ...given('until', parseInstant(input.until, 'until')),
    ...given('cursor', parseCursor(input.cursor)),
    limit: input.limit + 1,
    order: input.order,
  });
  const entries = rows.slice(0, input.limit);
  const last = entries.at(-1);
  return {
    entries,
    nextCursor: rows.length > entries.length && last !== undefined ? writeCursor(last) : null,
  };
}

function given<K extends string, V>(key: K, value: V | null): { [name in K]?: V } {
  return value === null ? {} : ({ [key]: value } as { [name in K]: V });
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

function parseInstant(value: string | null, name: string): string | null {
  if (value === null) return null;
  const epochMs = rfc3339.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(epochMs)) {
    throw new NexusError('invalid_since', `${name} must be an RFC 3339 instant such as 2026-01-31T08:00:00Z.`);
  }
  return toInstant(epochMs);
}

function writeCursor(entry: AuditEntry): string {
  return Buffer.from(`${entry.createdAt} ${entry.id}`, 'utf8').toString('base64url');
}

function parseCursor(value: string | null): { createdAt: string; id: string } | null {
  if (value === null) return null;
  const [createdAt, id, ...rest] = Buffer.from(value, 'base64url').toString('utf8').split(' ');
  if (createdAt === undefined || id === undefined || rest.length > 0 || !rfc3339.test(createdAt) || !isUlid(id)) {
    throw new NexusError('invalid_cursor', 'cursor must be the next_cursor of the previous page.');
  }
  return { createdAt, id };
}
