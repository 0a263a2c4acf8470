/** A new secret on its way to where the manifest wants it. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { describeFileError, writeWhole } from '../files.js';
import type { Sink } from '../manifest/schema.js';
import type { Delivery } from '../plan/changes.js';
import type { Desired } from '../plan/resources.js';
import { pipeSecretTo } from '../secret-output.js';
import type { Undelivered } from './undelivered.js';

/** Null for what has no secret of its own. */
export async function readDelivery(desired: Desired, undelivered: Undelivered): Promise<Delivery | null> {
  const { sink, address } = desired;
  if (sink === null) return null;
  const mark = await undelivered.read(address);
  const target = describeSink(sink);
  if (sink.file === undefined) return { target, holds: undefined, kind: 'command', mark };
  const text = await readSecretFile(resolve(desired.folder, sink.file));
  // A file is its own witness: it takes its name only once it is whole.
  return { target, holds: text?.trim().slice(-4), kind: 'file', mark };
}

function describeSink({ file, command }: Sink): string {
  return file ?? command?.[0] ?? '';
}

/**
 * Takes the place of what is there: the plan has made sure that it is nothing of somebody else's.
 *
 * @throws CommandError
 */
export async function deliverSecret({ sink, folder }: Desired, secret: string): Promise<void> {
  if (sink?.file !== undefined) await writeSecretFile(resolve(folder, sink.file), secret);
  else if (sink?.command !== undefined) await pipeSecretTo(sink.command, folder).deliver(secret);
}

async function readSecretFile(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw describeFileError(path, error);
  }
}

async function writeSecretFile(path: string, secret: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw describeFileError(path, error);
  }
  await writeWhole(path, [Buffer.from(`${secret}\n`)]);
}
