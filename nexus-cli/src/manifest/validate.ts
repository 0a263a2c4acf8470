import { jsonOption } from '../arguments.js';
import { defineCommand, exits } from '../command.js';
import { present } from '../print.js';
import type { Line } from '../views/screen.js';
import { fileOption, requireManifest } from './require-manifest.js';
import { sections } from './schema.js';

export const validate = defineCommand({
  options: { file: fileOption, json: jsonOption },
  args: {},
  description: [
    'Reads a manifest without asking a Broker: its form, and whether every variable is set and every file there. All problems are shown at once, each with its file, line and column. What only the Broker can judge, plan shows.',
  ],
  examples: ['validate -f nexus.yaml', 'validate -f manifests/ -f secrets.yaml'],
  roles: [],
  async run({ options }, context) {
    const manifest = await requireManifest(options.file, context);
    const counts = Object.fromEntries(
      sections.flatMap((section) => (manifest[section] === undefined ? [] : [[section, manifest[section].length]])),
    );
    present({ data: { valid: true, counts }, view: viewCounts, isJson: options.json }, context);
    return exits.done;
  },
});

function viewCounts({ counts }: { readonly counts: Readonly<Record<string, number>> }): Line[] {
  const parts = Object.entries(counts).map(([section, count]) => `${section.replaceAll('_', ' ')}: ${count}`);
  return [`The manifest is valid. ${parts.join(', ')}`];
}
