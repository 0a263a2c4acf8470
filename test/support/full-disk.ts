/**
 * A small file system that a test fills and empties. Where mounting is not permitted, the size of the Broker's files
 * is limited instead, which its running process notices in the same place: at the write.
 */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  readonly kind: 'tmpfs' | 'file size limit';
  readonly folder: string;
  /** From now on nothing more fits. */
  fill(pid: number): Promise<void>;
  empty(pid: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const sizeKiB = 6_144;

export async function createSmallDisk(databaseName: string): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-disk-'));
  const isMounted = succeeds('mount', ['-t', 'tmpfs', '-o', `size=${sizeKiB}k,mode=700`, 'none', folder]);
  const filler = join(folder, 'filler');
  return {
    kind: isMounted ? 'tmpfs' : 'file size limit',
    folder,
    async fill(pid) {
      if (!isMounted) return limitFiles(pid, statSync(join(folder, `${databaseName}-wal`)).size);
      // Ever smaller pieces, so that not even one page stays free.
      for (const piece of [256, 64, 4]) await fillWith(filler, piece * 1_024);
    },
    async empty(pid) {
      if (isMounted) await rm(filler, { force: true });
      else limitFiles(pid, 'unlimited');
    },
    async [Symbol.asyncDispose]() {
      if (isMounted) succeeds('umount', [folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function fillWith(filler: string, pieceBytes: number): Promise<void> {
  const piece = Buffer.alloc(pieceBytes, 'x');
  for (;;) {
    try {
      await writeFile(filler, piece, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

function limitFiles(pid: number, limit: number | 'unlimited'): void {
  if (!succeeds('prlimit', ['--pid', String(pid), `--fsize=${limit}:unlimited`])) {
    throw new Error('neither a tmpfs nor a limit on the size of files can be had');
  }
}

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, [...args], { stdio: 'ignore' }).status === 0;
}
