import { jsonOption } from '../arguments.js';
import { defineCommand, exits } from '../command.js';
import { writeWhole } from '../files.js';
import { fileOption, requireManifest } from '../manifest/require-manifest.js';
import { present, print } from '../print.js';
import { makePlan } from './make-plan.js';
import { describePlan } from './plan-file.js';
import { viewPlan } from './view-plan.js';

export const pruneOption = {
  kind: 'flag',
  help: 'delete what the manifest does not have, of the sections it has; never keys',
} as const;
export const forceOption = { kind: 'flag', help: 'also where live connections end with it' } as const;

export const rotateOption = {
  kind: 'list',
  value: 'ADDRESS',
  help: 'give this key or webhook of the manifest another secret, such as keys/ci',
} as const;

export const plan = defineCommand({
  options: {
    file: fileOption,
    out: {
      kind: 'text',
      value: 'FILE',
      help: 'write the plan there for apply, without any value from the environment or a file',
    },
    prune: pruneOption,
    force: forceOption,
    rotate: rotateOption,
    'detailed-exitcode': { kind: 'flag', help: 'exit with 2 where there are changes' },
    json: jsonOption,
  },
  args: {},
  description: [
    'Compares a manifest with what the Broker has and shows what apply would do. Nothing is changed. The Broker itself says what each provider would become, so that every rule of a profile is checked.',
  ],
  examples: ['plan -f nexus.yaml', 'plan -f manifests/ --prune --out plan.json'],
  roles: ['operator for providers and agents', 'admin for the other sections'],
  exitCodes: { 2: 'there are changes (with --detailed-exitcode; a failure is then 1 whatever it is)' },
  exitCodeOf: (code, words) => (words.includes('--detailed-exitcode') ? exits.refused : code),
  async run({ options }, context) {
    const manifest = await requireManifest(options.file, context);
    const made = await makePlan(manifest, options, context);
    const document = describePlan(made, options.file);
    if (options.out !== null) {
      await writeWhole(options.out, [Buffer.from(`${JSON.stringify(document, null, 2)}\n`)]);
      print(context.stderr, `wrote ${options.out}`);
    }
    present({ data: document, view: viewPlan, isJson: options.json }, context);
    return document.changes.length > 0 && options['detailed-exitcode'] ? 2 : exits.done;
  },
});
