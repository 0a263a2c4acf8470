/** Files of other people's choice, read as text without being led into what never ends. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** @throws Error for what is no regular file or longer than `most` bytes. */
export function readBounded(path: string, most: number): Uint8Array {
  // A pipe that nobody writes to would keep a blocking open waiting.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) throw new Error('is no regular file');
    if (facts.size > most) throw new Error(describeTooLong(most));
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

export function describeTooLong(most: number): string {
  return `is longer than ${most / (1024 * 1024)} MiB`;
}

/** @throws Error for bytes that are no UTF-8. */
export function decodeText(bytes: Uint8Array, keepsMark: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: keepsMark }).decode(bytes);
  } catch (cause) {
    throw new Error('is not UTF-8', { cause });
  }
}
