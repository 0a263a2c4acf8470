/** The Broker's commands as an operator runs them: a process of their own beside, or instead of, the one that serves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { findMain } from './service-main.js';
import type { Stack } from './stack.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

const patienceMs = 60_000;

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

/** A command that does not end, such as a start that was to be refused, is killed after a while. */
export async function runCommand(env: CommandEnvironment, ...args: readonly string[]): Promise<CommandResult> {
  const command = startCommand(env, ...args);
  const timer = setTimeout(() => command.kill(), patienceMs);
  try {
    return await command.ended;
  } finally {
    clearTimeout(timer);
  }
}

export interface RunningCommand {
  readonly ended: Promise<CommandResult>;
  kill(): void;
}

export function startCommand(env: CommandEnvironment, ...args: readonly string[]): RunningCommand {
  const child: ChildProcess = spawn(process.execPath, [findMain('nexus-broker/dist/main.js'), ...args], {
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
