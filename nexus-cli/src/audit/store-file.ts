import type { StoredBlob } from '@nexus/broker-api/vault';
import { CommandError, exits } from '../command.js';
import { readTextFile } from '../files.js';

/** The values that a store file lists, one on each line. @throws CommandError */
export async function* readStoreFile(path: string): AsyncGenerator<Pick<StoredBlob, 'table' | 'row' | 'blob_sha256'>> {
  const lines = (await readTextFile(path)).split('\n');
  if (lines.pop() !== '') fail(`${path} ends in the middle of a line`);
  for (const [at, line] of lines.entries()) {
    yield readBlob(line) ?? fail(`line ${at + 1} of ${path} is not a stored value`);
  }
}

function readBlob(line: string): Pick<StoredBlob, 'table' | 'row' | 'blob_sha256'> | null {
  try {
    const { table, row, blob_sha256 } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (typeof table !== 'string' || typeof row !== 'string' || typeof blob_sha256 !== 'string') return null;
    return { table, row, blob_sha256 };
  } catch {
    return null;
  }
}

function fail(message: string): never {
  throw new CommandError(exits.unreadable, message);
}
