import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { isUlid } from '@nexus/core/ids';
import type { AuditSealer } from '../../audit/audit-sealer.js';
import type { AuditOutcome } from '../../domain/audit-event.js';
import type { AuditFilter, EntryPosition, NumberedEntry } from '../../stores/audit-query.js';
import type { Database } from '../../stores/database.js';

export interface QueryAuditDeps {
  readonly database: Database;
  readonly auditSealer: AuditSealer;
  readonly onBackgroundError: (error: unknown) => void;
}

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
  readonly events: readonly NumberedEntry[];
  readonly nextCursor: string | null;
}

/**
 * One page of the log. The newest first shows what is not sealed yet too; the oldest first goes by sequence number over
 * what is sealed, so that whoever goes on from the last number misses nothing and sees nothing twice.
 */
export async function queryAudit(deps: QueryAuditDeps, input: QueryAuditInput): Promise<AuditPage> {
  const { audit } = deps.database.stores;
  const filter = readFilter(input);
  if (input.order === 'desc') {
    const cursor = input.cursor === null ? undefined : parsePosition(input.cursor);
    return cutPage(await audit.list({ ...filter, cursor }), input.limit, writePosition);
  }
  const afterSeq = input.cursor === null ? undefined : parseSequence(input.cursor);
  // A log that cannot be sealed now can still be read up to where it is.
  await deps.auditSealer.sealNow().catch(deps.onBackgroundError);
  return cutPage(await audit.listSealed({ ...filter, afterSeq }), input.limit, ({ seq }) => String(seq));
}

/** One more than the page has, to know whether another follows. */
function readFilter(input: QueryAuditInput): AuditFilter {
  return {
    eventTypes: input.eventTypes,
    connectionRef: input.connectionRef ?? undefined,
    resourceId: input.resourceId ?? undefined,
    agentId: input.agentId ?? undefined,
    actor: input.actor ?? undefined,
    workspaceId: input.workspaceId ?? undefined,
    outcome: input.outcome ?? undefined,
    since: parseInstant(input.since, 'since'),
    until: parseInstant(input.until, 'until'),
    limit: input.limit + 1,
  };
}

function cutPage(
  rows: readonly NumberedEntry[],
  limit: number,
  writeCursor: (last: NumberedEntry) => string,
): AuditPage {
  const events = rows.slice(0, limit);
  const last = events.at(-1);
  return { events, nextCursor: rows.length > limit && last !== undefined ? writeCursor(last) : null };
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

function parseInstant(value: string | null, name: string): string | undefined {
  if (value === null) return undefined;
  const epochMs = rfc3339.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(epochMs)) {
    throw new NexusError('invalid_since', `${name} must be an RFC 3339 instant such as 2026-01-31T08:00:00Z.`);
  }
  return toInstant(epochMs);
}

function writePosition({ entry }: NumberedEntry): string {
  return Buffer.from(`${entry.createdAt} ${entry.id}`, 'utf8').toString('base64url');
}

function parsePosition(value: string): EntryPosition {
  const [createdAt, id, ...rest] = Buffer.from(value, 'base64url').toString('utf8').split(' ');
  if (createdAt === undefined || id === undefined || rest.length > 0 || !rfc3339.test(createdAt) || !isUlid(id)) {
    throw invalidCursor();
  }
  return { createdAt, id };
}

function parseSequence(value: string): number {
  if (!/^[1-9]\d{0,14}$/.test(value)) throw invalidCursor();
  return Number(value);
}

function invalidCursor(): NexusError {
  return new NexusError('invalid_cursor', 'cursor must be the next_cursor of the previous page, in the same order.');
}
