/** A resource as one writes it: a file of YAML, of which JSON is a part. */
import { text } from 'node:stream/consumers';
import { type CommandContext, CommandError, exits } from './command.js';
import { readTextFile } from './files.js';

export const resourceOption = {
  kind: 'text',
  value: 'FILE',
  short: 'f',
  required: true,
  help: 'YAML or JSON with the fields; - reads standard input',
} as const;

/** @throws CommandError for what is not one mapping */
export async function readResource(
  path: string,
  { stdin }: CommandContext,
): Promise<Readonly<Record<string, unknown>>> {
  const content = path === '-' ? await text(stdin) : await readTextFile(path);
  const { parse } = await import('yaml');
  let value: unknown;
  try {
    value = parse(content);
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new CommandError(exits.unreadable, `${path}: ${message}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CommandError(exits.unreadable, `${path} does not hold the fields of one thing`);
  }
  return value as Readonly<Record<string, unknown>>;
}
