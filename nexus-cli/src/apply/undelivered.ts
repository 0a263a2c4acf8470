/**
 * Which secrets were about to be made and are not known to have arrived. The mark is there before the Broker is asked:
 * whatever ends the process in between, the next apply knows that what it finds may be an orphan.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Io } from '../command.js';
import { describeFileError, writeWhole } from '../files.js';
import type { Mark } from '../plan/changes.js';

export interface Undelivered {
  /** Null without one. */
  read(address: string): Promise<Mark | null>;
  /** @throws CommandError */
  write(address: string, mark: Mark): Promise<void>;
  remove(address: string): Promise<void>;
}

/** Below `$XDG_STATE_HOME`, or what the XDG Base Directory Specification has for it. */
export function openUndelivered(broker: URL, env: Io['env']): Undelivered {
  const state = env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local', 'state');
  const folder = join(state, 'nexus', 'undelivered');
  const fileOf = (address: string) =>
    join(folder, createHash('sha256').update(`${broker.origin} ${address}`).digest('hex'));
  return {
    read: async (address) => readMark(await readFile(fileOf(address), 'utf8').catch(() => null)),
    async write(address, mark) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
      } catch (error) {
        throw describeFileError(folder, error);
      }
      const text = JSON.stringify({ broker: broker.origin, address, ...mark });
      await writeWhole(fileOf(address), [Buffer.from(`${text}\n`)]);
    },
    remove: (address) => rm(fileOf(address), { force: true }),
  };
}

const markSchema = z.object({
  before: z.array(z.string()),
  made: z.object({ id: z.string(), lastFour: z.string() }).nullable(),
});

/** A text that is none says nothing for sure, and so nothing is taken away because of it. */
function readMark(text: string | null): Mark | null {
  if (text === null) return null;
  try {
    return markSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
