import { jsonOption } from '../arguments.js';
import { defineCommand, exits } from '../command.js';
import { fileOption, requireManifest } from '../manifest/require-manifest.js';
import { present } from '../print.js';
import { makePlan } from './make-plan.js';
import { pruneOption } from './plan.js';
import { describePlan } from './plan-file.js';
import { viewChanges } from './view-plan.js';

export const diff = defineCommand({
  options: { file: fileOption, prune: pruneOption, json: jsonOption },
  args: {},
  description: [
    'What plan shows, and nothing where there is no difference. Secrets are not shown, only that they differ.',
  ],
  examples: ['diff -f nexus.yaml', 'diff -f manifests/ --prune --json'],
  roles: ['operator for providers and agents', 'admin for the other sections'],
  async run({ options }, context) {
    const manifest = await requireManifest(options.file, context);
    const made = await makePlan(manifest, { prune: options.prune, force: true, rotate: [] }, context);
    const { changes } = describePlan(made, options.file);
    present({ data: changes, view: viewChanges, isJson: options.json }, context);
    return exits.done;
  },
});
