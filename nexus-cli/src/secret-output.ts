/** Where a secret goes that is shown once: to a file or a program, and never to a terminal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Options } from './arguments.js';
import { type CommandContext, CommandError, exits, usageError } from './command.js';
import { describeFileError, syncFolder } from './files.js';
import { writeForSure } from './output.js';

export interface SecretSink {
  /** For the message that says where the secret is. */
  readonly place: string;
  /** @throws CommandError where it did not get there; then nobody holds the secret. */
  deliver(secret: string): Promise<void>;
  /** For whoever got no secret, or could not keep it. */
  discard(): Promise<void>;
}

export const secretOptions = {
  out: { kind: 'text', value: 'FILE', help: 'writes the secret to a new file that only you may read' },
  exec: {
    kind: 'text',
    value: 'COMMAND',
    help: 'gives the secret to this shell command, on its standard input; its standard output is not shown',
  },
  stdout: { kind: 'flag', help: 'prints the secret, where standard output is not a terminal' },
} as const satisfies Options;

interface SecretChoice {
  readonly out: string | null;
  readonly exec: string | null;
  readonly stdout: boolean;
}

/** Before the secret is made, so that none is made which could not be kept. @throws CommandError */
export async function openSecretSink(choice: SecretChoice, { stdout }: CommandContext): Promise<SecretSink> {
  const chosen = [choice.out !== null, choice.exec !== null, choice.stdout].filter(Boolean).length;
  if (chosen !== 1) throw usageError('say where the secret goes, with one of --out, --exec and --stdout');
  if (choice.out !== null) return await createSecretFile(choice.out);
  if (choice.exec !== null) return pipeSecretTo(['/bin/sh', '-c', choice.exec]);
  if (stdout.isTTY === true) throw usageError('a terminal keeps what it shows: use --out or --exec');
  return {
    place: 'standard output',
    deliver: (secret) => writeForSure(stdout, `${secret}\n`),
    async discard() {},
  };
}

/** A file of that name must not be there yet. @throws CommandError */
export async function createSecretFile(path: string): Promise<SecretSink> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new CommandError(exits.refused, `${path} is there already, and is not overwritten`);
    throw describeFileError(path, error);
  }
  return {
    place: path,
    async deliver(secret) {
      try {
        await file.writeFile(`${secret}\n`);
        await file.sync();
        await file.close();
        await syncFolder(dirname(path));
      } catch (error) {
        throw describeFileError(path, error);
      }
    },
    async discard() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}

/**
 * @param command the program and its arguments. Many print what they have read, or stored: their standard output is not
 *   shown, their standard error is.
 */
export function pipeSecretTo(command: readonly [string, ...string[]], folder = '.'): SecretSink {
  const [program] = command;
  const shown = program === '/bin/sh' ? (command[2] ?? '') : command.join(' ');
  return {
    place: `the input of ${shown}`,
    async deliver(secret) {
      const code = await runWithInput(command, folder, `${secret}\n`).catch((cause) => {
        throw new CommandError(exits.unreadable, `${program} cannot be started`, { cause });
      });
      if (code !== 0) throw new CommandError(exits.refused, `${shown} failed with ${code ?? 'a signal'}`);
    },
    async discard() {},
  };
}

/** Resolves to its exit code, or null for a signal. */
async function runWithInput(command: readonly [string, ...string[]], folder: string, input: string) {
  const [program, ...args] = command;
  // A group of its own: an interrupt is not for what is storing a secret.
  const child = spawn(program, args, { cwd: folder, stdio: ['pipe', 'ignore', 2], detached: true });
  // A program that reads nothing closes its end; its exit code is what counts.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const [code] = await once(child, 'close');
  return code as number | null;
}
