/** nexus-cli as a process of its own, as an administrator or auditor runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitFor } from './wait.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliTarget {
  readonly brokerUrl: string;
  readonly key: string;
}

/** Without a target it is told of no Broker and no key. */
export async function runCli(
  args: readonly string[],
  target: CliTarget | null = null,
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const settings = target === null ? {} : { NEXUS_BROKER_URL: target.brokerUrl, NEXUS_API_KEY: target.key };
  return startCli(args, { ...settings, ...env }).ended;
}

/** One that is still running. */
export interface RunningCli {
  /** What matched in either stream, as soon as it does; an end without it is an error. */
  seen(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<CliResult>;
}

/** With this environment alone. */
export function startCli(args: readonly string[], env: Readonly<Record<string, string>>, input = ''): RunningCli {
  const child = spawn(process.execPath, ['nexus-cli/bin/nexus-cli.mjs', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', XDG_CONFIG_HOME: '/nonexistent', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  return {
    seen: (pattern) =>
      waitFor(`${pattern} of nexus-cli ${args.join(' ')}`, () => {
        const found = pattern.exec(output.stdout) ?? pattern.exec(output.stderr);
        if (found === null && child.exitCode !== null) throw new Error(`it ended: ${JSON.stringify(output)}`);
        return found;
      }),
    signal: (name) => child.kill(name),
    ended,
  };
}
