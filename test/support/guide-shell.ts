/** The terminal a reader types the commands of a guide into: variables live on from one block to the next. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const patienceMs = 40_000;

export class GuideShell {
  readonly #shell: ChildProcess;
  #output = '';

  constructor(directory: string) {
    this.#shell = spawn('bash', ['--noprofile', '--norc'], {
      cwd: directory,
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
      stdio: 'pipe',
      // A group of its own, so that what runs in its background ends with it.
      detached: true,
    });
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  /** What the commands print, complaints included. */
  async run(commands: string): Promise<string> {
    const end = randomUUID();
    this.#output = '';
    this.#shell.stdin?.write(`${commands}\necho ${end}\n`);
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(10)) {
      const [printed = '', rest] = this.#output.split(end);
      if (rest !== undefined) return printed;
    }
    throw new Error(`these commands did not end:\n${commands}\n${this.#output}`);
  }

  async close(): Promise<void> {
    if (this.#shell.exitCode !== null) return;
    const ended = once(this.#shell, 'close');
    process.kill(-(this.#shell.pid ?? 0), 'SIGTERM');
    await ended;
  }
}
