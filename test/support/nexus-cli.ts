/** nexus-cli as a process of its own, as an administrator or auditor runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

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
  const child = spawn(process.execPath, ['nexus-cli/bin/nexus-cli.mjs', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ...settings, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, ...output };
}
