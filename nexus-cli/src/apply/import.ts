import { jsonOption } from '../arguments.js';
import { type CommandContext, defineCommand, usageError } from '../command.js';
import type { Manifest } from '../manifest/entry.js';
import { loadManifest } from '../manifest/load-manifest.js';
import { fileOption, refuseProblems } from '../manifest/require-manifest.js';
import { makePlan } from '../plan/make-plan.js';
import { askSecrets, isInteractive } from '../print.js';
import { applyMade, approveOption } from './apply.js';

export const importCommand = defineCommand({
  options: { file: fileOption, 'auto-approve': approveOption, json: jsonOption },
  args: {},
  description: [
    'Applies a manifest that export wrote to another Broker. On a terminal it asks for the variables that are not set, such as client secrets; elsewhere it names them. Nothing is deleted.',
  ],
  examples: ['import -f nexus.yaml', 'import --profile staging -f nexus.yaml --auto-approve'],
  roles: ['operator for providers and agents', 'admin for the other sections'],
  async run({ options }, context) {
    if (options.file.length === 0) throw usageError('-f is missing: which manifest');
    if (options.file.includes('-') && isInteractive(context)) throw usageError('standard input is needed for answers');
    const manifest = await loadAsking(options.file, context);
    const remake = () => makePlan(manifest, { prune: false, force: false, rotate: [] }, context);
    return await applyMade(
      { made: await remake(), remake },
      { isApproved: options['auto-approve'], isJson: options.json },
      context,
    );
  },
});

/** @throws CommandError with everything that is wrong but variables that somebody gave. */
async function loadAsking(paths: readonly string[], context: CommandContext): Promise<Manifest> {
  const first = await loadManifest(paths, context);
  const unset = [...new Set(first.problems.flatMap((problem) => problem.unset ?? []))];
  const isAnswerable = unset.length > 0 && isInteractive(context);
  if (!isAnswerable || first.problems.some((problem) => problem.unset === undefined)) {
    refuseProblems(first.problems);
    return first.manifest;
  }
  const typed = await askSecrets(
    unset.map((name) => `${name}:`),
    context,
  );
  const given = Object.fromEntries(unset.map((name, at) => [name, typed[at]]));
  const { manifest, problems } = await loadManifest(paths, { ...context, env: { ...context.env, ...given } });
  refuseProblems(problems);
  return manifest;
}
