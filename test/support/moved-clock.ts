/** Moves the wall clock of one process, without privileges: a library it preloads, compiled for this test run. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface MovedClock {
  /** What a process gets into its environment for its clock to be so many seconds ahead, or behind. */
  env(seconds: number): Readonly<Record<string, string>>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function prepareMovedClock(): Promise<MovedClock> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-clock-'));
  const library = join(folder, 'moved-clock.so');
  const source = fileURLToPath(new URL('moved-clock.c', import.meta.url));
  const { status, error, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
  if (status !== 0) throw new Error('a C compiler is needed to move a clock', { cause: error ?? String(stderr) });
  return {
    env: (seconds) => ({ LD_PRELOAD: library, MOVED_CLOCK: String(seconds) }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
