import { listTemplates } from '@nexus/catalogue/templates';
import { jsonOption } from '../arguments.js';
import { defineCommand, exits } from '../command.js';
import { present } from '../print.js';
import { summarize, viewTemplates } from './template-list.js';

export const catalogueList = defineCommand({
  options: { json: jsonOption },
  args: {},
  examples: ['catalogue list'],
  roles: [],
  async run({ options }, context) {
    const templates = listTemplates().map(summarize);
    present({ data: { templates }, view: viewTemplates, isJson: options.json }, context);
    return exits.done;
  },
});
