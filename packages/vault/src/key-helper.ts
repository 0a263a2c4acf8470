/**
 * Runs the helper program of the exec provider once: no shell, one line of JSON in, one line of JSON out, exit code 0.
 * Time and output are bounded. Nothing a helper writes is quoted, since nothing is known about what it holds; what it
 * writes to stderr is dropped.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { VaultError } from './key-provider.js';

export interface KeyHelper {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** Of it the helper gets PATH, HOME and what begins with NEXUS_KMS_. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

const maxAnswerLength = 64 * 1024;
const passedOn = /^(PATH|HOME|NEXUS_KMS_.*)$/;

function fail(reason: string): VaultError {
  return new VaultError('provider_failed', `The key helper ${reason}.`);
}

/** The helper leads a process group of its own, so that programs it started end with it. */
function start({ command, environment }: KeyHelper): Child {
  const [program = '', ...parameters] = command;
  const env = Object.fromEntries(Object.entries(environment).filter(([name]) => passedOn.test(name)));
  return spawn(program, parameters, { env, stdio: ['pipe', 'pipe', 'ignore'], detached: true });
}

function kill({ pid }: Child): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null): string | null {
  if (code === 0) return null;
  return code === null ? `was ended by ${signal}` : `ended with exit code ${code}`;
}

function readErrorCode(error: NodeJS.ErrnoException): string {
  return /^E[A-Z0-9]{1,30}$/.test(error.code ?? '') ? `${error.code}` : 'unknown error';
}

/** Resolves to what the helper wrote. */
function collect(helper: KeyHelper, child: Child): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const giveUp = (reason: string): void => {
      clearTimeout(timer);
      kill(child);
      child.stdout.destroy();
      for (const chunk of chunks) chunk.fill(0);
      reject(fail(reason));
    };
    const timer = setTimeout(() => giveUp(`gave no answer within ${helper.timeoutMs} ms`), helper.timeoutMs);
    child.on('error', (error) => giveUp(`cannot be started (${readErrorCode(error)})`));
    child.stdout.on('error', () => giveUp('cannot be read'));
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxAnswerLength) giveUp(`answered with more than ${maxAnswerLength} bytes`);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const end = describeEnd(code, signal);
      if (end !== null) return giveUp(end);
      const answer = Buffer.concat(chunks);
      for (const chunk of chunks) chunk.fill(0);
      resolve(answer);
    });
  });
}

/** Null unless the bytes are one line with one JSON object. */
function parseAnswer(bytes: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const line = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
    const value: unknown = /[\r\n]/.test(line) ? null : JSON.parse(line);
    return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

/**
 * Returns the members of the helper's answer.
 *
 * @throws VaultError `provider_failed`.
 */
export async function askKeyHelper(
  helper: KeyHelper,
  question: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  let child: Child;
  try {
    child = start(helper);
  } catch {
    // For example a NUL in an argument; the error quotes it.
    throw fail('cannot be started');
  }
  const collecting = collect(helper, child);
  const request = Buffer.from(`${JSON.stringify(question)}\n`);
  // A helper that ends before it has read everything is judged by how it ends.
  child.stdin.on('error', () => undefined);
  child.stdin.end(request, () => request.fill(0));
  const bytes = await collecting;
  const answer = parseAnswer(bytes);
  bytes.fill(0);
  if (answer === null) throw fail('answered with something else than one line with one JSON object');
  return answer;
}
