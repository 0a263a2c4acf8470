import { readFileSync } from 'node:fs';

/** What is shipped of one provider: the fields of a profile, and what people want to know before they register it. */
export interface Template {
  readonly name: string;
  /** First 16 hexadecimal digits of SHA-256 over the canonical JSON of `profile`. */
  readonly digest: string;
  readonly displayName: string;
  readonly category: string;
  readonly authType: string;
  /** Other words it is found by. */
  readonly aliases: readonly string[];
  /** Where its facts stand. */
  readonly sources: readonly string[];
  /** The day its facts were read at the vendor, `YYYY-MM-DD`; null where they were not. */
  readonly verifiedOn: string | null;
  readonly notes: readonly string[];
  /** Fields of a profile by their wire names, without `name`, the client, and whatever is left to its default. */
  readonly profile: { readonly [field: string]: unknown };
}

const bundle = new URL('../catalogue.json', import.meta.url);
let templates: readonly Template[] | null = null;

/** Every template, sorted by name. */
export function listTemplates(): readonly Template[] {
  templates ??= JSON.parse(readFileSync(bundle, 'utf8')) as readonly Template[];
  return templates;
}

/** The template of this name, or else the one with this alias; null where there is none. */
export function findTemplate(nameOrAlias: string): Template | null {
  const all = listTemplates();
  return (
    all.find(({ name }) => name === nameOrAlias) ?? all.find(({ aliases }) => aliases.includes(nameOrAlias)) ?? null
  );
}

/**
 * The templates in which each of the words begins a word of the name, the display name, an alias or the category, in
 * any letter case. Those whose name begins with a word of the search come first; no words find every template.
 */
export function searchTemplates(words: string): readonly Template[] {
  const wanted = splitWords(words);
  const found = listTemplates().filter((template) => {
    const known = splitWords([template.name, template.displayName, template.category, ...template.aliases].join(' '));
    return wanted.every((word) => known.some((candidate) => candidate.startsWith(word)));
  });
  const isNamed = ({ name }: Template) => wanted.some((word) => name.startsWith(word));
  return [...found.filter(isNamed), ...found.filter((template) => !isNamed(template))];
}

function splitWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
