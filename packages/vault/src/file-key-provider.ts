/**
 * The default key provider: a file of KEKs that only the process owner may read (mode 0400 or 0600, anything else is
 * refused). One key a line, `id base64 created`; the first line is the primary, so a line added at the end is known
 * before it is used. Messages never hold a path, a key id from a refused file, or any of its contents.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Instant, toEpochMs, toInstant } from '@nexus/core/clock';
import { drawRandom, type RandomSource, systemRandom } from './aead.js';
import { decodeBase64, kekIdPattern } from './key-encoding.js';
import { type KekInfo, type KeyProvider, VaultError } from './key-provider.js';
import { createLocalKeyProvider, type LocalKek } from './local-key-provider.js';
import { keyLength } from './xchacha20-poly1305.js';

const maxFileLength = 64 * 1024;
const createdPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/;

function refuse(reason: string): VaultError {
  return new VaultError('key_file_refused', `The key file is refused: ${reason}`);
}

function readErrorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && /^[A-Z0-9_]{1,32}$/.test(code) ? code : 'unknown error';
}

function parseLine(line: string, lineNumber: number): LocalKek {
  const fields = line.trim().split(/[ \t]+/);
  const [id = '', encoded = '', created = ''] = fields;
  if (fields.length !== 3) throw refuse(`line ${lineNumber} is not of the form "id base64 created".`);
  if (!kekIdPattern.test(id))
    throw refuse(`the id in line ${lineNumber} is not 1 to 64 letters, digits, ".", "_" or "-".`);
  const key = decodeBase64(encoded);
  if (key === null || key.length !== keyLength) {
    throw refuse(`the key in line ${lineNumber} is not the base64 form of ${keyLength} bytes.`);
  }
  const createdMs = createdPattern.test(created) ? toEpochMs(created) : Number.NaN;
  if (Number.isNaN(createdMs)) throw refuse(`the time in line ${lineNumber} is not an RFC 3339 instant ending in "Z".`);
  return { id, key, createdAt: toInstant(createdMs) };
}

function parseKeyFile(text: string): LocalKek[] {
  const keks: LocalKek[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const kek = parseLine(line, index + 1);
    if (keks.some((other) => other.id === kek.id)) throw refuse(`line ${index + 1} repeats the id of an earlier line.`);
    keks.push(kek);
  }
  if (keks.length === 0) throw refuse('it holds no key. Restore it from its backup.');
  return keks;
}

/** The mode is read from the open handle, so the file that is checked is the file that is read. */
async function readCheckedFile(file: FileHandle): Promise<string> {
  const stat = await file.stat();
  if (!stat.isFile()) throw refuse('it is not a regular file.');
  const mode = stat.mode & 0o7777;
  if (mode !== 0o400 && mode !== 0o600) {
    const shown = mode.toString(8).padStart(4, '0');
    throw refuse(`its mode is ${shown}. Make it readable by its owner only: chmod 0400 on the key file.`);
  }
  if (stat.size > maxFileLength) throw refuse('it is too large for a key file.');
  const bytes = await file.readFile();
  const text = bytes.toString('utf8');
  bytes.fill(0);
  return text;
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    // NOTE: O_NONBLOCK keeps a named pipe in place of the file from stopping the start.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw toOpenFailure(readErrorCode(error));
  }
}

function toOpenFailure(code: string): VaultError {
  if (code !== 'ENOENT') return refuse(`it cannot be opened (${code}). Let the user of this process own it.`);
  return new VaultError('key_file_missing', 'The key file does not exist. Restore it from its backup.');
}

async function readKeyFile(path: string): Promise<LocalKek[]> {
  const file = await openForReading(path);
  try {
    return parseKeyFile(await readCheckedFile(file));
  } catch (error) {
    throw error instanceof VaultError ? error : refuse(`it cannot be read (${readErrorCode(error)}).`);
  } finally {
    await file.close();
  }
}

/**
 * Reads the keys; `reload` reads the file again and keeps the keys it had when that fails. Creates nothing.
 *
 * @throws VaultError `key_file_missing`, or `key_file_refused` for its mode, kind, size or contents.
 */
export async function openKeyFile(path: string, random: RandomSource = systemRandom): Promise<KeyProvider> {
  const readKeks = () => readKeyFile(path);
  return createLocalKeyProvider({ id: 'file', keks: await readKeks(), random, readKeks });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The file appears whole or not at all: a start that dies half way must not leave one without a key behind. */
async function writeNewFile(path: string, text: string): Promise<void> {
  // A start that dies here leaves its draft, with a key that nothing was sealed with; no two starts share one.
  const draft = `${path}.${randomUUID()}.new`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.chmod(0o400);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a rename, a link never replaces: an existing file is not touched, nor one a link points to.
    await link(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(dirname(path));
}

/**
 * Writes a new key file holding one fresh key, mode 0400, on disk when this returns. The caller has made sure that no
 * data exists: a new key opens nothing that was sealed before. The key's id holds random characters, so a key file of
 * another installation is recognised as such.
 *
 * @throws VaultError `key_file_refused` when the file exists or cannot be written, `random_failed`.
 */
export async function createKeyFile(path: string, now: Instant, random: RandomSource = systemRandom): Promise<KekInfo> {
  const key = drawRandom(random, keyLength);
  const id = `kek-${now.slice(0, 10)}-${Buffer.from(drawRandom(random, 4)).toString('hex')}`;
  try {
    await writeNewFile(path, `${id} ${Buffer.from(key).toString('base64')} ${now}\n`);
  } catch (error) {
    const code = readErrorCode(error);
    if (code === 'EEXIST') throw refuse('it exists already, and an existing key file is never overwritten.');
    throw refuse(`it cannot be created (${code}). Check the folder and its permissions.`);
  } finally {
    key.fill(0);
  }
  return { id, createdAt: now };
}
