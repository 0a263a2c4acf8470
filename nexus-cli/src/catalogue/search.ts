import { searchTemplates } from '@nexus/catalogue/templates';
import { jsonOption } from '../arguments.js';
import { defineCommand, exits } from '../command.js';
import { present, print } from '../print.js';
import { summarize, viewTemplates } from './template-list.js';

export const catalogueSearch = defineCommand({
  description: ['Finds the templates in which each word begins a word of the name, an alias or the category.'],
  options: { json: jsonOption },
  args: { WORD: { help: 'such as mail, or the beginning of a name', many: true } },
  examples: ['catalogue search mail', 'catalogue search google drive'],
  roles: [],
  async run({ options, args }, context) {
    const words = args.WORD.join(' ');
    const templates = searchTemplates(words).map(summarize);
    if (templates.length === 0) print(context.stderr, `no template is found by “${words}”`);
    if (templates.length > 0 || options.json) {
      present({ data: { templates }, view: viewTemplates, isJson: options.json }, context);
    }
    return exits.done;
  },
});
