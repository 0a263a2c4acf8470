/** Which Broker is meant: the profiles of the person at the keyboard. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { jsonOption } from '../arguments.js';
import { defineCommand, exits } from '../command.js';
import { writeWhole } from '../files.js';
import { present, print } from '../print.js';
import { noSuchProfile, type Profiles, readProfiles, readProfilesText } from '../profiles.js';
import { readSources, type Setting, type Sources } from '../settings.js';
import { type Field, fieldLines } from '../views/fields.js';
import { type Line, type Screen, styled } from '../views/screen.js';
import { tableLines } from '../views/table.js';

const format =
  'Profiles stand in nexus/profiles.yaml under $XDG_CONFIG_HOME, which is ~/.config unless it is set: `default` names one of `profiles`, each with broker_url, gateway_url, api_key_file, tls_ca_file, tls_cert_file and tls_key_file, all optional. A file is relative to the folder of profiles.yaml. Environment variables go before a profile; where NEXUS_BROKER_URL is set and no profile named, none is used.';

export const profileList = defineCommand({
  options: { json: jsonOption },
  args: {},
  description: [format],
  examples: ['profile list'],
  roles: [],
  async run({ options }, context) {
    const known = await readProfiles(context.env);
    const data = { default: known.default, profiles: Object.fromEntries(known.profiles) };
    present({ data, view: (_data, screen) => viewProfiles(known, screen), isJson: options.json }, context);
    return exits.done;
  },
});

function viewProfiles({ path, default: chosen, profiles }: Profiles, screen: Screen): Line[] {
  if (profiles.size === 0 && screen.isTerminal) return [`There are no profiles in ${path}.`];
  const rows = [...profiles].map(([name, profile]) => [
    name,
    profile.broker_url ?? '-',
    profile.gateway_url ?? '-',
    name === chosen ? styled('green', 'default') : '',
  ]);
  return tableLines({ columns: [{ title: 'PROFILE', keep: true }, 'BROKER', 'GATEWAY', ''], rows }, screen);
}

export const profileUse = defineCommand({
  options: {},
  args: { NAME: { help: 'the profile that is used where none is named' } },
  description: [format],
  examples: ['profile use production'],
  roles: [],
  async run({ args }, context) {
    const known = await readProfiles(context.env);
    if (!known.profiles.has(args.NAME)) throw noSuchProfile(args.NAME, known);
    const { parseDocument } = await import('yaml');
    // A document keeps the comments that somebody wrote into it.
    const document = parseDocument((await readProfilesText(context.env)) ?? '');
    document.set('default', args.NAME);
    await mkdir(dirname(known.path), { recursive: true, mode: 0o700 });
    await writeWhole(known.path, Readable.from([Buffer.from(document.toString())]));
    print(context.stderr, `${args.NAME} is used from now on`);
    return exits.done;
  },
});

export const profileShow = defineCommand({
  options: { json: jsonOption },
  args: {},
  description: ['What a command would use, and where it is said; the key itself is not shown.', format],
  examples: ['profile show', 'profile show --profile staging'],
  roles: [],
  async run({ options }, context) {
    const sources = await readSources(context);
    const data = { ...sources, apiKey: sources.apiKey === null ? null : { from: sources.apiKey.from } };
    present(
      { data, view: (_data, screen) => fieldLines(describeSources(sources), screen), isJson: options.json },
      context,
    );
    return exits.done;
  },
});

function describeSources(sources: Sources): Field[] {
  const told = (setting: Setting | null) => setting && `${setting.value} (${setting.from})`;
  return [
    ['Profile', sources.profile ?? 'none'],
    ['Broker', told(sources.brokerUrl)],
    ['Gateway', told(sources.gatewayUrl)],
    ['Key', told(sources.apiKeyFile) ?? (sources.apiKey === null ? 'none' : `set (${sources.apiKey.from})`)],
    ['CA certificate', told(sources.caFile)],
    ['Certificate', told(sources.certFile)],
    ['Its key', told(sources.keyFile)],
  ];
}
