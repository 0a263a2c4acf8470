import { findTemplate, searchTemplates, type Template } from '@nexus/catalogue/templates';
import { jsonOption } from '../arguments.js';
import { CommandError, defineCommand, exits } from '../command.js';
import { present } from '../print.js';
import { fieldLines } from '../views/fields.js';
import { type Line, type Screen, styled } from '../views/screen.js';
import { fold } from '../views/width.js';
import { type RequiredInput, type Requirements, readRequirements, toManifest } from './requirements.js';
import { summarize } from './template-list.js';

export const catalogueShow = defineCommand({
  description: ['Shows what a template sets, what you have to provide, and the lines of a manifest that register it.'],
  options: { json: jsonOption },
  args: { NAME: { help: 'name or alias of a template' } },
  examples: ['catalogue show google'],
  roles: [],
  async run({ options, args }, context) {
    const template = findTemplate(args.NAME);
    if (template === null) throw unknown(args.NAME);
    const requirements = readRequirements(template);
    const { stringify } = await import('yaml');
    const data: Shown = {
      ...summarize(template),
      notes: template.notes,
      sources: template.sources,
      provide: requirements,
      manifest: `${toManifest(template, requirements).join('\n')}\n`,
      profile: template.profile,
    };
    // The profile as YAML is what a manifest would say; folding it would make another text of it.
    const yaml = stringify(template.profile, { lineWidth: 0 }).trimEnd().split('\n');
    present({ data, view: (shown, screen) => view(shown, yaml, screen), isJson: options.json }, context);
    return exits.done;
  },
});

type Shown = ReturnType<typeof summarize> & {
  readonly notes: Template['notes'];
  readonly sources: Template['sources'];
  readonly provide: Requirements;
  /** YAML. */
  readonly manifest: string;
  readonly profile: Template['profile'];
};

function unknown(name: string): CommandError {
  const [first] = name.split(/[^a-z0-9]/i);
  const close = searchTemplates((first ?? '').slice(0, 4)).slice(0, 8);
  const advice = [
    ...(close.length === 0 ? [] : [`There is ${close.map((template) => template.name).join(', ')}.`]),
    'nexus-cli catalogue search finds templates by words.',
  ];
  return new CommandError(exits.refused, `there is no template ${name}`, { advice });
}

function view(shown: Shown, profile: readonly string[], screen: Screen): Line[] {
  const { provide } = shown;
  const isOauth = shown.auth_type === 'oauth2';
  return [
    ...fieldLines(
      [
        ['name', shown.name],
        ['provider', shown.display_name],
        ['category', shown.category],
        ['auth type', shown.auth_type],
        ['aliases', shown.aliases.join(', ') || null],
        ['verified', shown.verified_on ?? 'unverified: the vendor’s own pages were not read'],
        ['digest', shown.digest],
        ['sources', shown.sources],
      ],
      screen,
    ),
    ...(shown.notes.length === 0 ? [] : ['', styled('bold', 'Notes')]),
    ...shown.notes.flatMap((note) => fold(note, screen.columns === null ? null : screen.columns - 2).map(indent)),
    '',
    styled('bold', 'You provide'),
    ...fieldLines(
      [
        ['client', provide.client.join(', ') || null],
        ['redirect URI', isOauth ? `PUBLIC_URL/auth/callback/${shown.name}, registered at the provider` : null],
        ['with each connection', provide.inputs.map(describeInput)],
        ['the person is asked for', provide.credentials],
      ],
      screen,
    ).map((line): Line => ['  ', line].flat()),
    '',
    styled('bold', 'Manifest'),
    ...shown.manifest.trimEnd().split('\n').map(indent),
    '',
    styled('bold', 'What it sets'),
    ...profile.map(indent),
  ];
}

function describeInput({ name, title, default: otherwise, options }: RequiredInput): string {
  const limits = [
    otherwise === null ? 'required' : `${otherwise} unless given`,
    ...(options.length === 0 ? [] : [`one of ${options.join(', ')}`]),
  ];
  return `${name}: ${title} (${limits.join('; ')})`;
}

function indent(text: string): string {
  return `  ${text}`;
}
