/** Checkpoints that are kept outside of the database: what it cannot be rolled back behind unnoticed. */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCheckpointFile } from '@nexus/audit-chain/checkpoint-file';
import { readSignedNote, type SignedCheckpoint } from '@nexus/audit-chain/signed-note';
import { AppendOnlyFile } from '../audit/append-only-file.js';
import { BackupError, commandExits } from './backup-error.js';

/** Read at once: a few hundred lines. */
const pieceBytes = 128 * 1024;
/** Pieces overlap by more than a line, so that one of them has it whole. */
const overlapBytes = 8 * 1024;

export function checkpointFileOf(dataDir: string): string {
  return join(dataDir, 'checkpoints.log');
}

/** The notes of a file of checkpoints, or of a log that holds such lines. @throws BackupError 3. */
export async function readNotes(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new BackupError(commandExits.unreadable, `${path} cannot be read (${cause.code ?? 'unknown error'}).`);
  });
  return readCheckpointFile(text);
}

/** The same for the Broker's own file, which a new installation does not have. */
export async function readOwnNotes(path: string): Promise<readonly string[]> {
  try {
    return readCheckpointFile(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export interface KnownCheckpoint {
  readonly note: string;
  /** What the note says; whether it is true is not looked at. */
  readonly signed: SignedCheckpoint;
}

/** Those of the Broker's own file, the newest first; some come twice. What is no note, or half of one, is passed over. */
export async function* readNewestFirst(path: string): AsyncGenerator<KnownCheckpoint> {
  for await (const piece of readBackwards(path)) {
    for (const note of readCheckpointFile(piece).toReversed()) {
      const signed = readSignedNote(note);
      if (signed !== null) yield { note, signed };
    }
  }
}

/** Adds lines to the Broker's own file of checkpoints, and makes it if it is missing. */
export async function appendCheckpoints(path: string, lines: string): Promise<void> {
  const file = await AppendOnlyFile.open({ path, onLostWrite: () => undefined });
  try {
    await file.append(lines);
  } finally {
    await file.close();
  }
}

/** Pieces of a file from its end to its start; none of one that is missing. */
async function* readBackwards(path: string): AsyncGenerator<string> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return;
  try {
    let start = (await file.stat()).size;
    let end = start;
    while (start > 0) {
      start = Math.max(0, end - pieceBytes);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      yield buffer.toString('utf8', 0, bytesRead);
      end = start + overlapBytes;
    }
  } finally {
    await file.close();
  }
}
