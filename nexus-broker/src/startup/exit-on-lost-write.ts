import { writeSync } from 'node:fs';

/** EX_IOERR of sysexits.h. */
const inputOutputError = 74;
const stderr = 2;

/**
 * Ends the process at once when an `fsync` failed: the kernel may have dropped what it was to write, and a second try
 * would report success (O3). Nothing that waits for the write is answered; the next start reads what the disk has.
 */
export function exitOnLostWrite(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  try {
    writeSync(stderr, `a write could not be made durable (${code}); nothing more is answered. Check the disk.\n`);
  } catch {
    // Nobody reads standard error any more; the exit code still tells.
  }
  process.exit(inputOutputError);
}
