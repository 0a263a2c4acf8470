import { isToken } from '@nexus/core/tokens';
import { type CommandContext, usageError } from '../command.js';
import { readTextFile } from '../files.js';

/** From a file, or from standard input for `-`. @throws CommandError */
export async function readConnectionId(path: string, { stdin }: CommandContext): Promise<string> {
  const text = path === '-' ? await readAll(stdin) : await readTextFile(path);
  const id = text.trim();
  // What else it may hold is not shown: it could be a key.
  if (!isToken(id, 'nxc')) {
    throw usageError(`${path === '-' ? 'standard input' : path} holds no connection id, which begins with nxc_`);
  }
  return id;
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
