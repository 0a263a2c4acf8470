import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Environment } from './environment.js';

const parentWatch = new URL('../bin/parent-watch.mjs', import.meta.url).href;
const rememberedLines = 15;

export interface ChildSpec {
  readonly name: string;
  /** The script Node runs. */
  readonly script: URL;
  readonly arguments?: readonly string[];
  readonly environment: Environment;
  readonly workingDirectory: string;
  /** Null lets the child write to this terminal. */
  readonly logFile: string | null;
}

export interface ChildEnd {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  hasEnded(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** The last lines this run wrote to its log; empty without a log file. */
  readLastLines(): readonly string[];
}

function openLog(path: string): { descriptor: number; startsAt: number } {
  const descriptor = openSync(path, 'a', 0o600);
  return { descriptor, startsAt: fstatSync(descriptor).size };
}

function readTail(path: string, startsAt: number): readonly string[] {
  const text = readFileSync(path).subarray(startsAt).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-rememberedLines);
}

function observeEnd(process: ChildProcess, name: string): Promise<ChildEnd> {
  return new Promise((resolve) => {
    process.once('exit', (code, signal) => resolve({ name, code, signal }));
    process.once('error', () => resolve({ name, code: null, signal: null }));
  });
}

/**
 * Starts a Node process in a session of its own, so that Ctrl-C in the terminal reaches the launcher alone and the child
 * hears one SIGTERM from it. It stops by itself when the launcher is gone (`bin/parent-watch.mjs`).
 */
export function startChild(spec: ChildSpec): Child {
  const log = spec.logFile === null ? null : openLog(spec.logFile);
  const output = log === null ? 'inherit' : log.descriptor;
  const child = spawn(
    process.execPath,
    ['--import', parentWatch, fileURLToPath(spec.script), ...(spec.arguments ?? [])],
    { cwd: spec.workingDirectory, env: spec.environment, detached: true, stdio: ['ignore', output, output, 'ipc'] },
  );
  if (log !== null) closeSync(log.descriptor);
  let hasEnded = false;
  const ended = observeEnd(child, spec.name).then((end) => {
    hasEnded = true;
    return end;
  });
  return {
    name: spec.name,
    pid: child.pid ?? -1,
    ended,
    hasEnded: () => hasEnded,
    kill: (signal) => {
      child.kill(signal);
    },
    readLastLines: () => (log === null || spec.logFile === null ? [] : readTail(spec.logFile, log.startsAt)),
  };
}
