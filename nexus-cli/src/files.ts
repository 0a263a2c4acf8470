/** Files that are there whole or not at all. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandError, exits } from './command.js';

const readBytes = 1024 * 1024;

/** What was written: its SHA-256 in hex. */
export interface WrittenFile {
  readonly sha256: string;
}

/** Writes beside `path`, syncs, and only then takes the name. @throws CommandError */
export async function writeWhole(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<WrittenFile> {
  const partial = `${path}.${randomUUID()}.partial`;
  const hash = createHash('sha256');
  try {
    const file = await open(partial, 'wx', 0o600);
    try {
      for await (const chunk of chunks) {
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(partial, { force: true });
    throw describeFileError(path, error);
  }
  return { sha256: hash.digest('hex') };
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** @throws CommandError */
export async function readTextFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw describeFileError(path, error);
  }
}

/** @throws CommandError */
export async function* readChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: readBytes });
  } catch (error) {
    throw describeFileError(path, error);
  }
}

/** In hex; null for a file that does not exist. @throws CommandError */
export async function hashFile(path: string): Promise<string | null> {
  return (await exists(path)) ? hashChunks(readChunks(path)) : null;
}

/** In hex. */
export async function hashChunks(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

export function describeFileError(path: string, error: unknown): unknown {
  if (error instanceof CommandError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  return new CommandError(exits.unreadable, `${path}: ${code}`, { cause: error });
}
