import { CommandError, exits, type Io } from '../command.js';
import type { Manifest } from './entry.js';
import { loadManifest } from './load-manifest.js';
import { describeProblem, type Problem } from './problem.js';

/** How every command that reads a manifest is told where it is. */
export const fileOption = {
  kind: 'list',
  short: 'f',
  value: 'FILE',
  help: 'a manifest, a folder of *.yaml and *.yml, or - for standard input; several are one',
} as const;

/** @throws CommandError with everything that is wrong with it. */
export async function requireManifest(paths: readonly string[], io: Pick<Io, 'env' | 'stdin'>): Promise<Manifest> {
  if (paths.length === 0) throw new CommandError(exits.usage, '-f is missing: which manifest');
  const { manifest, problems } = await loadManifest(paths, io);
  refuseProblems(problems);
  return manifest;
}

/** @throws CommandError with any. */
export function refuseProblems(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  throw new CommandError(exits.refused, `the manifest has ${count}`, { advice: problems.map(describeProblem) });
}
