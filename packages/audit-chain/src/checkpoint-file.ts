/**
 * The files beside a log: checkpoints kept outside of the database, and the public keys an auditor holds. A line of a
 * checkpoint file is JSON with a `note`; the log lines `audit.checkpoint` that a Broker writes are such lines too.
 */
import { decodeVerifierKey, type VerifierKey } from './signed-note.js';

export interface CheckpointRecord {
  readonly size: number;
  /** RFC 3339. */
  readonly created_at: string;
  readonly note: string;
}

export function writeCheckpointRecord(record: CheckpointRecord): string {
  const { size, created_at, note } = record;
  return `${JSON.stringify({ size, created_at, note })}\n`;
}

/** The notes of a checkpoint file in its order, each once; other lines are passed over, since logs hold more. */
export function readCheckpointFile(text: string): readonly string[] {
  const notes = text.split('\n').flatMap((line) => {
    const note = readNote(line);
    return note === null ? [] : [note];
  });
  return [...new Set(notes)];
}

/** The keys of a file with one on each line; null where a line is none, since a key left out would be missed later. */
export function readVerifierKeys(text: string): readonly VerifierKey[] | null {
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '').map(decodeVerifierKey);
  return keys.length > 0 && keys.every((key) => key !== null) ? keys : null;
}

function readNote(line: string): string | null {
  if (!line.includes('"note"')) return null;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return null;
    const { note, message, size } = value as Readonly<Record<string, unknown>>;
    const isRecord = message === undefined ? typeof size === 'number' : message === 'audit.checkpoint';
    return isRecord && typeof note === 'string' ? note : null;
  } catch {
    return null;
  }
}
