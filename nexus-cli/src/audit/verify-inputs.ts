/** The files a verification is given beside the log. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readCheckpointFile, readVerifierKeys } from '@nexus/audit-chain/checkpoint-file';
import type { VerifyOptions } from '@nexus/audit-chain/verify';
import type { Options } from '../arguments.js';
import { CommandError, exits } from '../command.js';
import { describeFileError, readChunks, readTextFile } from '../files.js';

/** What both `audit verify` and `audit archive` take. */
export const inputOptions = {
  pubkey: {
    kind: 'text',
    value: 'FILE',
    help: 'verifier keys you hold, one a line (nexus-cli audit checkpoints --keys); without it the key that the log itself names is believed',
  },
  checkpoints: {
    kind: 'text',
    value: 'FILE',
    help: 'checkpoints that were kept outside of the database: a copy of checkpoints.log, or a log that holds the lines audit.checkpoint; it must be older than the export',
  },
} as const satisfies Options;

interface InputFiles {
  readonly pubkey: string | null;
  readonly checkpoints: string | null;
  /** Files and folders. */
  readonly archives: readonly string[];
}

type Inputs = Pick<VerifyOptions, 'verifierKeys' | 'externalCheckpoints' | 'archives'>;

/** @throws CommandError `unreadable`: what was asked to be compared and cannot be is not left out. */
export async function readInputs(files: InputFiles): Promise<Inputs> {
  const archives = (await Promise.all(files.archives.map(listArchives))).flat();
  return {
    ...(files.pubkey === null ? {} : { verifierKeys: await readKeys(files.pubkey) }),
    ...(files.checkpoints === null ? {} : { externalCheckpoints: await readNotes(files.checkpoints) }),
    archives: archives.map((path) => ({ name: basename(path), open: () => readChunks(path) })),
  };
}

async function readKeys(path: string): Promise<NonNullable<Inputs['verifierKeys']>> {
  const keys = readVerifierKeys(await readTextFile(path));
  if (keys === null) throw new CommandError(exits.unreadable, `${path} does not hold verifier keys, one on each line`);
  return keys;
}

async function readNotes(path: string): Promise<readonly string[]> {
  const notes = readCheckpointFile(await readTextFile(path));
  if (notes.length === 0) throw new CommandError(exits.unreadable, `${path} holds no checkpoint`);
  return notes;
}

/** A folder stands for its files `*.ndjson`. */
async function listArchives(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => name.endsWith('.ndjson'));
    return names.sort().map((name) => join(path, name));
  } catch (error) {
    throw describeFileError(path, error);
  }
}
