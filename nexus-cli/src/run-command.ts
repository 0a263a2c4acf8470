/** From the words after a command's name to its exit code. */
import type { Options } from './arguments.js';
import type { Command, Io } from './command.js';
import { globalOptions } from './global-options.js';
import { readArguments } from './read-arguments.js';
import { readScreen } from './views/screen.js';

/** @param outputLost see `CommandContext`. @throws CommandError */
export async function runCommand(
  command: Command,
  words: readonly string[],
  io: Io,
  outputLost: AbortSignal = new AbortController().signal,
): Promise<number> {
  const declared = { options: { ...command.options, ...globalOptions }, args: command.args };
  const { options, args } = readArguments<Options & typeof globalOptions, Command['args']>(declared, words);
  const { profile, 'no-colour': noColour } = options as { profile: string | null; 'no-colour': boolean };
  const screen = readScreen({ env: io.env, stream: io.stdout, noColour });
  return await command.run({ options, args }, { ...io, screen, profile, outputLost });
}
