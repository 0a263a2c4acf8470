/**
 * The lines of an export of the audit log, `nexus-audit/1`: NDJSON in the order header, entries, checkpoints, end. The
 * export shows what the tables hold and mends nothing, so that whoever verifies it judges the tables. Hashes and macs
 * are lower-case hex; `entry` is the canonical JSON as text, because its bytes are what was hashed.
 */

export const exportFormat = 'nexus-audit/1';

export interface HeaderLine {
  readonly kind: 'header';
  readonly format: typeof exportFormat;
  /** The range asked for; null where it is open. */
  readonly from_seq: number | null;
  readonly to_seq: number | null;
}

/** The columns of an entry's row by which the log is searched; each repeats something of the entry. */
export interface EntryColumns {
  readonly id: string;
  readonly created_at: string;
  readonly event_type: string;
  readonly outcome: string;
  readonly actor_id: string | null;
  readonly connection_ref: string | null;
  readonly resource_id: string | null;
  readonly agent_id: string | null;
  readonly workspace_id: string | null;
}

/** A stored entry. */
export interface StoredEntry {
  readonly entry: string;
  readonly entry_hash: string;
  readonly mac: string;
  readonly mac_key: number;
  readonly columns: EntryColumns;
}

/** A link of the chain with the entry it names; `stored` is null when that entry is not there. In order of `seq`. */
export interface SealedLine {
  readonly kind: 'sealed';
  readonly seq: number;
  readonly event_id: string;
  readonly prev_hash: string;
  readonly hash: string;
  readonly stored: StoredEntry | null;
}

/** An entry that no link names, after the sealed ones; only in an export with an open end. */
export interface UnsealedLine {
  readonly kind: 'unsealed';
  readonly stored: StoredEntry;
}

/** All checkpoints in order of size; with a closed range, those up to its end. */
export interface CheckpointLine {
  readonly kind: 'checkpoint';
  readonly size: number;
  readonly created_at: string;
  readonly note: string;
}

/** The last line: a transfer that broke off has none. `lines` counts the lines before it. */
export interface EndLine {
  readonly kind: 'end';
  readonly lines: number;
  /** The database's time; null with a closed range, whose export is the same bytes at any time. */
  readonly exported_at: string | null;
}

export type ExportLine = HeaderLine | SealedLine | UnsealedLine | CheckpointLine | EndLine;

/** An entry that is not sealed this long after it was made will never be, or was not made by a Broker. */
export const sealingLimitMs = 150_000;

export function writeLine(line: ExportLine): string {
  return `${JSON.stringify(line)}\n`;
}
