import { jsonOption } from '../arguments.js';
import { Api } from '../broker.js';
import { defineCommand, exits } from '../command.js';
import { writeWhole } from '../files.js';
import { sections } from '../manifest/schema.js';
import { isSameKey } from '../plan/make-plan.js';
import { print, printJson } from '../print.js';
import { readBrokerSettings } from '../settings.js';
import { exportManifest, renderManifest } from './export-manifest.js';

export const exportCommand = defineCommand({
  options: {
    out: { kind: 'text', value: 'FILE', help: 'write it there instead of to standard output' },
    only: { kind: 'list', value: 'SECTION', among: sections, help: 'these sections; all without it' },
    json: jsonOption,
  },
  args: {},
  description: [
    'Writes what the Broker has as a manifest. A provider made from a template says no more than what it does not take from it. Client secrets become placeholders; keys of the first start and the key that asks are left out.',
  ],
  examples: ['export --out nexus.yaml', 'export --only providers --only agents'],
  roles: ['operator for providers and agents', 'admin for the other sections'],
  async run({ options }, context) {
    const settings = await readBrokerSettings(context);
    const chosen = sections.filter((section) => options.only.length === 0 || options.only.includes(section));
    const exported = await exportManifest(new Api(settings), {
      sections: chosen,
      isInUse: (live) => isSameKey(settings.apiKey, live),
    });
    const text = renderManifest(exported);
    if (options.out !== null) {
      await writeWhole(options.out, [Buffer.from(text)]);
      print(context.stderr, `wrote ${options.out}`);
    } else if (options.json) printJson(context.stdout, exported);
    else context.stdout.write(text);
    return exits.done;
  },
});
