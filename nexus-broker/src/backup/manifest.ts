/** What lies beside the copy of a database and says what it is. It holds no key and no name of a customer. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BackupError, commandExits } from './backup-error.js';

export const backupFormat = 'nexus-backup/1';

const hex = z.string().regex(/^[0-9a-f]{64}$/);

const Manifest = z.strictObject({
  format: z.literal(backupFormat),
  /** By the database's clock. */
  created_at: z.iso.datetime(),
  /** Of the Broker that made it. */
  version: z.string().max(64),
  bytes: z.int().min(1),
  sha256: hex,
  migrations: z.array(z.string().max(128)).min(1),
  /** The newest link of the audit chain; 0 and null before the first. */
  chain: z.strictObject({ size: z.int().min(0), head: hex.nullable() }),
  /** The newest signed note. */
  checkpoint: z.string().max(4096).nullable(),
  /** Key-encryption keys without which it cannot be opened. */
  keks: z.array(z.string().max(256)).min(1),
});

export type Manifest = z.infer<typeof Manifest>;

export function backupPaths(folder: string): { readonly database: string; readonly manifest: string } {
  return { database: join(folder, 'nexus.db'), manifest: join(folder, 'manifest.json') };
}

/** @throws BackupError 3 for a folder without one, or one that does not have the form. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = backupPaths(folder).manifest;
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new BackupError(commandExits.unreadable, `${path} cannot be read (${cause.code ?? 'unknown error'}).`);
  });
  const parsed = Manifest.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
  throw new BackupError(commandExits.unreadable, `${path} is not a manifest of ${backupFormat}; wrong: ${fields}.`);
}

/** Lower-case hex of the SHA-256 of a file. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
