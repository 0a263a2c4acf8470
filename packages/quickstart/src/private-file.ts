import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isJsonObject, type JsonObject, parseJson } from './json-object.js';

/** Creates a directory that only its owner may enter; one that exists keeps its mode. */
export function createPrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Replaces a file in one step, readable by its owner only: a reader sees the old text or the new, never a part. */
function writePrivateFile(path: string, text: string): void {
  createPrivateDirectory(dirname(path));
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, path);
}

export function readTextFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Returns null where the file is missing or holds no JSON object: what it remembered is then made anew. */
export function readJsonFile(path: string): JsonObject | null {
  const text = readTextFile(path);
  const value = text === null ? undefined : parseJson(text);
  return isJsonObject(value) ? value : null;
}

export function writeJsonFile(path: string, value: JsonObject): void {
  writePrivateFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Reads the value kept in a file, or creates, keeps and returns it: the second start finds what the first one made. */
export function keepText(path: string, create: () => string): string {
  const kept = readTextFile(path)?.trim();
  if (kept !== undefined && kept !== '') return kept;
  const text = create();
  writePrivateFile(path, `${text}\n`);
  return text;
}
