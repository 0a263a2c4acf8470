/** Checkpoints that are kept outside of the database: what it cannot be rolled back behind unnoticed. */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCheckpointFile } from '@nexus/audit-chain/checkpoint-file';
import { type Checkpoint, readSignedNote } from '@nexus/audit-chain/signed-note';
import { AppendOnlyFile } from '../audit/append-only-file.js';
import { BackupError, commandExits } from './backup-error.js';

/** A few hundred lines; the newest is what is looked for. */
const tailBytes = 128 * 1024;

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
  /** What the note says. Whoever can write the file can forge it, and only be refused for it. */
  readonly checkpoint: Checkpoint;
}

/** The last one of the Broker's own file; null where there is none. A line that a crash cut in half is passed over. */
export async function readNewest(path: string): Promise<KnownCheckpoint | null> {
  const known = readCheckpointFile(await readTail(path)).flatMap((note) => {
    const signed = readSignedNote(note);
    return signed === null ? [] : [{ note, checkpoint: signed.checkpoint }];
  });
  return known.at(-1) ?? null;
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

async function readTail(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - tailBytes);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
