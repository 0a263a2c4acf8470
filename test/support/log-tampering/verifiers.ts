/** Both verifiers over the same files. */
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCheckpointFile, readVerifierKeys } from '@nexus/audit-chain/checkpoint-file';
import { inPieces } from '@nexus/audit-chain/log-rows-fixture';
import { verifyLog } from '@nexus/audit-chain/verify';
import type { Report } from '@nexus/audit-chain/verify-report';
import type { LogFiles } from './file-manipulations.js';

const script = fileURLToPath(new URL('../../../docs/audit/verify.py', import.meta.url));

export function verifyFiles(files: LogFiles, verifierKey: string): Promise<Report> {
  return verifyLog(inPieces(files.export), {
    verifierKeys: readVerifierKeys(verifierKey) ?? [],
    externalCheckpoints: readCheckpointFile(files.external),
    archives: files.archives.map(({ name, text }) => ({ name, open: () => inPieces(text) })),
    store: { blobs: () => readBlobs(files.store) },
  });
}

/** The exit codes of docs/audit/verify.py, one for each; `folder` is scratch. */
export async function verifyWithPython(
  cases: readonly { readonly files: LogFiles; readonly verifierKey: string }[],
  folder: string,
): Promise<number[]> {
  const runs: string[][] = [];
  for (const [index, { files, verifierKey }] of cases.entries()) {
    const at = (name: string) => join(folder, String(index), name);
    await mkdir(at('archives'), { recursive: true });
    const contents = { export: files.export, key: `${verifierKey}\n`, external: files.external, store: files.store };
    for (const [name, text] of Object.entries(contents)) await writeFile(at(name), text);
    for (const { name, text } of files.archives) await writeFile(join(at('archives'), name), text);
    const options = ['--pubkey', at('key'), '--checkpoints', at('external'), '--archive', at('archives')];
    runs.push([at('export'), ...options, '--store', at('store')]);
  }
  const batch = join(folder, 'batch');
  await writeFile(batch, runs.map((run) => `${JSON.stringify(run)}\n`).join(''));
  return runPython(['--batch', batch]).trim().split('\n').map(Number);
}

/** @throws Error where Python cannot be run, since a verifier that was not asked agrees with nothing. */
function runPython(args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync('python3', [script, ...args], { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`docs/audit/verify.py needs python3 (3.8 or later): ${error.message}`);
  if (status !== 0) throw new Error(`docs/audit/verify.py failed:\n${stderr}`);
  return stdout;
}

async function* readBlobs(text: string) {
  for (const line of text.split('\n')) if (line !== '') yield JSON.parse(line);
}
