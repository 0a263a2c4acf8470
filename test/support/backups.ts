/** Backups in tests: taken, copied, and changed as somebody who can write to the place they are kept in could. */
import { createHash } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { commandEnvironment, runCommand } from './broker-command.js';
import type { Stack } from './stack.js';

export async function takeBackup(stack: Stack, folder: string): Promise<void> {
  const { code, stderr } = await runCommand(commandEnvironment(stack), 'backup', '--to', folder);
  if (code !== 0) throw new Error(`no backup: ${code} ${stderr}`);
}

export interface Change {
  /** Statements on the copied database; append-only triggers are gone by then. */
  readonly statements?: readonly string[];
  /** A byte in the middle of the file becomes another one. */
  readonly flipsByte?: boolean;
  /** Whether the manifest is made to fit again. */
  readonly fixesManifest?: boolean;
  /** Members of the manifest. */
  readonly manifest?: Readonly<Record<string, unknown>>;
}

/** A copy of a backup, changed. */
export async function copyChanged(folder: string, target: string, change: Change): Promise<string> {
  await cp(folder, target, { recursive: true });
  const database = join(target, 'nexus.db');
  if (change.statements !== undefined) changeDatabase(database, change.statements);
  if (change.flipsByte === true) await flipByte(database);
  const path = join(target, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  if (change.fixesManifest === true) {
    const bytes = await readFile(database);
    Object.assign(manifest, { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length });
  }
  await writeFile(path, JSON.stringify({ ...manifest, ...change.manifest }));
  return target;
}

export function changeDatabase(file: string, statements: readonly string[]): void {
  const connection = new Sqlite(file);
  try {
    const triggers = connection.prepare("select name from sqlite_master where type = 'trigger'").all();
    for (const { name } of triggers as { readonly name: string }[]) connection.exec(`drop trigger ${name}`);
    for (const statement of statements) connection.exec(statement);
  } finally {
    connection.close();
  }
}

/** Puts a database file in the place of another by hand, as somebody would who knows of no command for it. */
export async function putByHand(file: string, target: string): Promise<void> {
  for (const suffix of ['-wal', '-shm']) await rm(target + suffix, { force: true });
  await writeFile(target, await readFile(file), { mode: 0o600 });
}

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 0x01, middle);
  await writeFile(path, bytes);
}
