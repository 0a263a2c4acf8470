/** Lets `fsync` fail in one process, without privileges: a library it preloads, compiled for this test run. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface FailingFsync {
  /** For files of the test; removed at the end. */
  readonly folder: string;
  /** What the process gets into its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** From now on it fails for files whose path ends like this; for every file when it is empty. */
  failFor(suffix: string): void;
  hasFailed(): boolean;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function prepareFailingFsync(): Promise<FailingFsync> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-fsync-'));
  const library = join(folder, 'failing-fsync.so');
  const order = join(folder, 'order');
  const source = fileURLToPath(new URL('failing-fsync.c', import.meta.url));
  const { status, error, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
  if (status !== 0) throw new Error('a C compiler is needed to let fsync fail', { cause: error ?? String(stderr) });
  return {
    folder,
    // Without it, libuv might hand the call to the kernel past the C library.
    env: { LD_PRELOAD: library, FAILING_FSYNC: order, UV_USE_IO_URING: '0' },
    failFor: (suffix) => writeFileSync(order, suffix),
    hasFailed: () => existsSync(`${order}.failed`),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
