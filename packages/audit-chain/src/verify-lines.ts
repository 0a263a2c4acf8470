/** Reads the lines of an export, `nexus-audit/1`, and holds them to their form and order. */
import { isAscii, isUtf8 } from 'node:buffer';
import {
  type CheckpointLine,
  type EndLine,
  type ExportLine,
  exportFormat,
  type HeaderLine,
  type SealedLine,
  type StoredEntry,
  type UnsealedLine,
} from './export-format.js';

export type Chunks = AsyncIterable<Uint8Array | string>;

/** Text that is not an export, or a piece of one: nothing can be said about the log. */
export class UnreadableExportError extends Error {
  override readonly name = 'UnreadableExportError';
}

/** What is done with the lines of an export, in their order. */
export interface LineVisitor {
  /** Before anything else: the header, and the first link, which is visited next; null where there is none. */
  start(header: HeaderLine, first: SealedLine | null): Promise<void> | void;
  sealed(line: SealedLine): void;
  unsealed(line: UnsealedLine): void;
  checkpoint(line: CheckpointLine): void;
  end(line: EndLine): void;
}

const ranks = { header: 0, sealed: 1, unsealed: 2, checkpoint: 3, end: 4 } as const;
const instantPattern = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const newline = 0x0a;
/** A line is one entry; what is longer than this is no line of an export. */
const maxLineBytes = 16 * 1024 * 1024;

/** @throws UnreadableExportError at the first line that is not what it must be, and for an export without its end. */
export async function readExport(source: Chunks, visitor: LineVisitor): Promise<void> {
  let count = 0;
  let header: HeaderLine | null = null;
  let rank: number = ranks.header;
  for await (const lines of readLines(source)) {
    for (const text of lines) {
      count += 1;
      const line = parseLine(text, count);
      if (header === null) {
        if (line.kind !== 'header') throw new UnreadableExportError('the first line is not the header of an export');
        header = line;
        continue;
      }
      if (line.kind === 'header' || rank === ranks.end || ranks[line.kind] < rank) {
        throw new UnreadableExportError(`line ${count} is out of its place`);
      }
      if (rank === ranks.header) await visitor.start(header, line.kind === 'sealed' ? line : null);
      rank = ranks[line.kind];
      visit(line, visitor, header, count);
    }
  }
  if (rank !== ranks.end) throw new UnreadableExportError('the export ends before its last line: it was cut off');
}

type InnerLine = SealedLine | UnsealedLine | CheckpointLine | EndLine;

function visit(line: InnerLine, visitor: LineVisitor, header: HeaderLine, count: number): void {
  const isClosed = header.to_seq !== null;
  if (line.kind === 'sealed') visitor.sealed(line);
  else if (line.kind === 'checkpoint') visitor.checkpoint(line);
  else if (line.kind === 'unsealed') {
    if (isClosed) throw new UnreadableExportError(`line ${count}: a closed range has no such line`);
    visitor.unsealed(line);
  } else {
    if (line.lines !== count - 1) {
      throw new UnreadableExportError(`the export says it has ${line.lines} lines and has ${count - 1}`);
    }
    if ((line.exported_at === null) !== isClosed) {
      throw new UnreadableExportError('the last line of an export has a time unless its range is closed');
    }
    visitor.end(line);
  }
}

/** The lines of each chunk as text. @throws UnreadableExportError for bytes that are no UTF-8. */
async function* readLines(source: Chunks): AsyncGenerator<string[]> {
  let rest: Buffer | null = null;
  for await (const piece of source) {
    const chunk: Buffer = typeof piece === 'string' ? Buffer.from(piece, 'utf8') : asBuffer(piece);
    const bytes: Buffer = rest === null ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(newline);
    rest = end + 1 < bytes.length ? bytes.subarray(end + 1) : null;
    if (rest !== null && rest.length > maxLineBytes) throw new UnreadableExportError('a line is too long');
    if (end === -1) continue;
    const whole = bytes.subarray(0, end);
    if (!isUtf8(whole)) throw new UnreadableExportError('the file is not UTF-8');
    // Most of a log is ASCII, which is quicker to take as what it is.
    yield whole.toString(isAscii(whole) ? 'latin1' : 'utf8').split('\n');
  }
  if (rest !== null) throw new UnreadableExportError('the file ends in the middle of a line: it was cut off');
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @throws UnreadableExportError for what has not the members of a line, each of its type; values are judged later. */
function parseLine(text: string, number: number): ExportLine {
  const line = parseObject(text);
  if (line === null || !isLine(line)) throw new UnreadableExportError(`line ${number} is not a line of an export`);
  // A lone surrogate has no UTF-8, so nothing that was hashed holds one; only an escape can bring one in.
  if (text.includes('\\u') && /(?<!\\)(?:\\\\)*\\ud/.test(JSON.stringify(line))) {
    throw new UnreadableExportError(`line ${number} holds half a character`);
  }
  return line;
}

/** The header of an export; null for what does not begin with one. */
export async function readHeader(source: Chunks): Promise<HeaderLine | null> {
  try {
    for await (const [text] of readLines(source)) {
      const line = parseLine(text ?? '', 1);
      return line.kind === 'header' ? line : null;
    }
    return null;
  } catch (error) {
    if (error instanceof UnreadableExportError) return null;
    throw error;
  }
}

type Members = { readonly [name: string]: unknown };

export function parseObject(text: string): Members | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isLine(line: Members): line is Members & ExportLine {
  switch (line['kind']) {
    case 'header':
      return line['format'] === exportFormat && isSeqOrNull(line['from_seq']) && isSeqOrNull(line['to_seq']);
    case 'sealed':
      return (
        isInteger(line['seq']) &&
        typeof line['event_id'] === 'string' &&
        typeof line['prev_hash'] === 'string' &&
        typeof line['hash'] === 'string' &&
        (line['stored'] === null || isStored(line['stored']))
      );
    case 'unsealed':
      return isStored(line['stored']);
    case 'checkpoint':
      return isInteger(line['size']) && typeof line['created_at'] === 'string' && typeof line['note'] === 'string';
    case 'end':
      return isInteger(line['lines']) && (line['exported_at'] === null || isInstant(line['exported_at']));
    default:
      return false;
  }
}

function isStored(value: unknown): value is StoredEntry {
  if (!isObject(value) || !isObject(value['columns'])) return false;
  const { id, created_at, event_type, outcome, ...others } = value['columns'];
  const { actor_id, connection_ref, resource_id, agent_id, workspace_id } = others;
  return (
    typeof value['entry'] === 'string' &&
    typeof value['entry_hash'] === 'string' &&
    typeof value['mac'] === 'string' &&
    isInteger(value['mac_key']) &&
    [id, created_at, event_type, outcome].every((column) => typeof column === 'string') &&
    [actor_id, connection_ref, resource_id, agent_id, workspace_id].every(isTextOrNull)
  );
}

/** Whatever its spelling: 5.0 is 5. */
export function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Times of the log: UTC with three fraction digits, of the years 0001 to 9999, written the one way there is. */
export function isInstant(value: unknown): boolean {
  if (typeof value !== 'string' || !instantPattern.test(value)) return false;
  const time = Date.parse(value);
  // Date.parse takes hour 24, and a day that its month does not have, for the next one.
  return !Number.isNaN(time) && new Date(time).toISOString() === value;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSeqOrNull(value: unknown): boolean {
  return value === null || (isInteger(value) && value >= 1);
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string';
}
