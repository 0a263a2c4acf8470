import { readFile } from 'node:fs/promises';

/** The package file lies two folders above both the source and the compiled code. */
export async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
