/** Whether a stored entry is the one its hash was taken of, and whether its row's columns say the same. */
import { hash } from 'node:crypto';
import { maxKeyId } from './chain.js';
import type { EntryColumns, StoredEntry } from './export-format.js';
import { parseObject } from './verify-lines.js';

/** What a verification reads of an entry; everything else in it is for people. */
export interface ReadEntry {
  readonly id: string;
  readonly created_at: string;
  readonly event_type: string;
  readonly data: { readonly [name: string]: unknown };
  readonly store: unknown;
}

export interface EntryJudgement {
  /** Null for text that is no entry. */
  readonly entry: ReadEntry | null;
  /** SHA-256 of the text, in hex, whatever the row says. */
  readonly hash: string;
  /** What is wrong; empty for an entry in order. */
  readonly faults: readonly string[];
}

const inOrder: readonly string[] = [];
const hashPattern = /^[0-9a-f]{64}$/;
/** The first version that carries its `resource_id`. */
const versionWithResource = 2;

export function judgeEntry(stored: StoredEntry): EntryJudgement {
  const faults: string[] = [];
  const textHash = hash('sha256', stored.entry, 'hex');
  if (textHash !== stored.entry_hash) faults.push('its text is not what its hash was taken of');
  if (!hashPattern.test(stored.mac) || stored.mac_key < 0 || stored.mac_key > maxKeyId) {
    faults.push('its mac or the number of its key has not the form of one');
  }
  const members = parseObject(stored.entry);
  const entry = members === null ? null : readEntry(members);
  if (members === null || entry === null) {
    return { entry: null, hash: textHash, faults: [...faults, 'its text is no entry'] };
  }
  const column = findForeignColumn(members, stored.columns);
  if (column !== null) faults.push(`its column ${column} is not what the entry says`);
  return { entry, hash: textHash, faults: faults.length === 0 ? inOrder : faults };
}

type Members = { readonly [name: string]: unknown };

function readEntry(members: Members): ReadEntry | null {
  const { v, id, created_at, event_type, data, store, actor } = members;
  if (v !== 1 && v !== versionWithResource) return null;
  if (typeof id !== 'string' || typeof created_at !== 'string' || typeof event_type !== 'string') return null;
  if (!isMembers(data) || !isMembers(actor)) return null;
  return { id, created_at, event_type, data, store };
}

/** The first column that does not repeat its member of the entry; null where all do. */
function findForeignColumn(members: Members, columns: EntryColumns): keyof EntryColumns | null {
  const ref = members['connection_ref'] ?? null;
  if (columns.id !== members['id']) return 'id';
  if (columns.created_at !== members['created_at']) return 'created_at';
  if (columns.event_type !== members['event_type']) return 'event_type';
  if (columns.outcome !== members['outcome']) return 'outcome';
  if (columns.actor_id !== ((members['actor'] as Members)['id'] ?? null)) return 'actor_id';
  if (columns.connection_ref !== ref) return 'connection_ref';
  if (columns.agent_id !== (members['agent_id'] ?? null)) return 'agent_id';
  if (columns.workspace_id !== (members['workspace_id'] ?? null)) return 'workspace_id';
  if (members['v'] === versionWithResource && columns.resource_id !== (members['resource_id'] ?? ref)) {
    return 'resource_id';
  }
  return null;
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
