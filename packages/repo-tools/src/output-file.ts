import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A generated file: where it stands in the repository and what it must hold, to the byte. */
export interface OutputFile {
  readonly path: string;
  readonly text: string;
}

const root = new URL('../../../', import.meta.url);

export function resolvePath(path: string): string {
  return fileURLToPath(new URL(path, root));
}

/** The text of a file, or null when there is none. */
export async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(resolvePath(path), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Lists the files whose bytes are not what they must be. */
export async function findDrift(files: readonly OutputFile[]): Promise<readonly string[]> {
  const texts = await Promise.all(files.map(({ path }) => readText(path)));
  return files.filter(({ text }, index) => texts[index] !== text).map(({ path }) => path);
}

async function writeFiles(files: readonly OutputFile[]): Promise<void> {
  for (const { path, text } of files) {
    await mkdir(dirname(resolvePath(path)), { recursive: true });
    await writeFile(resolvePath(path), text);
  }
}

interface GenerateInput {
  readonly files: readonly OutputFile[];
  readonly isCheck: boolean;
  /** The command that writes the files, for the message. */
  readonly command: string;
}

/** Writes the files, or with `isCheck` only compares them. Returns the exit code. */
export async function generate({ files, isCheck, command }: GenerateInput): Promise<number> {
  if (!isCheck) {
    await writeFiles(files);
    return 0;
  }
  const drift = await findDrift(files);
  for (const path of drift) console.error(`${path} differs from what the code says; run \`${command}\``);
  return drift.length === 0 ? 0 : 1;
}
