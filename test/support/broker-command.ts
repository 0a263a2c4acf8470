/** The Broker's commands as an operator runs them: a process of their own beside, or instead of, the one that serves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Stack } from './stack.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface CommandResult {
  /** Null after a kill. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type CommandEnvironment = Readonly<Record<string, string>>;

/** The settings a Broker needs to find the database and keys of a stack. */
export function commandEnvironment(stack: Pick<Stack, 'dataDir' | 'databaseUrl'>): CommandEnvironment {
  return {
    NEXUS_ENV: 'development',
    DATA_DIR: stack.dataDir,
    DATABASE_URL: stack.databaseUrl,
    PUBLIC_URL: 'http://127.0.0.1:1',
  };
}

export async function runCommand(env: CommandEnvironment, ...args: readonly string[]): Promise<CommandResult> {
  return startCommand(env, ...args).ended;
}

export interface RunningCommand {
  readonly ended: Promise<CommandResult>;
  kill(): void;
}

export function startCommand(env: CommandEnvironment, ...args: readonly string[]): RunningCommand {
  const child: ChildProcess = spawn(process.execPath, ['nexus-broker/dist/main.js', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return {
    ended: once(child, 'close').then(([code]) => ({ code: code as number | null, ...output })),
    kill: () => void child.kill('SIGKILL'),
  };
}
