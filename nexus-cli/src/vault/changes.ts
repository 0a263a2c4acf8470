/** The commands that change the key ring; each is one request. */
import type { DataKey, Kek } from '@nexus/broker-api/vault';
import { Broker } from '../broker.js';
import { type Command, exits, print, printJson, readArgs, usageError } from '../command.js';
import { readSettings, settingsHelp } from '../settings.js';

interface KeyChange {
  /** The word after `vault`. */
  readonly verb: string;
  readonly summary: string;
  /** What the argument is called in the usage line. */
  readonly argument: string;
  readonly example: string;
  /** Whether nothing brings back what it takes away, so that it wants `--yes`. */
  readonly isFinal?: boolean;
  /** More about it, in whole lines. */
  readonly note?: string;
  /** @throws CommandError for an argument that cannot be meant */
  request(argument: string): { readonly path: string; readonly body: unknown };
  describe(answer: unknown): string;
}

const purposes = ['cred', 'provider', 'flow', 'audit', 'checkpoint'];

function defineChange(change: KeyChange): Command {
  const { verb, argument, example, isFinal = false, note } = change;
  const flags = isFinal ? ' --yes' : '';
  return {
    name: `vault ${verb}`,
    summary: change.summary,
    help: `Usage: nexus-cli vault ${verb} ${argument}${flags} [--json]
${note === undefined ? '' : `\n${note}\n`}
Example:
  NEXUS_API_KEY_FILE=data/admin.key nexus-cli vault ${verb} ${example}${flags}

Role: admin.

${settingsHelp}`,
    async run(args, { env, stdout }) {
      const options = { json: { type: 'boolean', default: false }, yes: { type: 'boolean', default: false } } as const;
      const { values, positionals } = readArgs(args, options, true);
      const [given] = positionals;
      if (given === undefined || positionals.length > 1) throw usageError(`vault ${verb} takes one ${argument}`);
      if (isFinal && !values.yes) throw usageError(`vault ${verb} is final: repeat it with --yes`);
      const { path, body } = change.request(given);
      const answer = await new Broker(readSettings(env)).post<unknown>(path, body);
      if (values.json) printJson(stdout, answer);
      else print(stdout, change.describe(answer));
      return exits.done;
    },
  };
}

function describeKek(answer: unknown): string {
  const { id, state, data_keys } = answer as Kek;
  return `key-encryption key ${id} is ${state} and wraps ${data_keys} data keys`;
}

export function describeKey(answer: unknown): string {
  const { id, purpose, state, public_key } = answer as DataKey;
  return `data key ${id} (${purpose}) is ${state}${public_key === undefined ? '' : `; its public key is ${public_key}`}`;
}

function onKek(verb: string, summary: string, note?: string): Command {
  return defineChange({
    verb: `${verb}-kek`,
    summary,
    argument: 'ID',
    example: 'kek-2027',
    ...(note === undefined ? {} : { note }),
    request: (id) => ({ path: `/admin/v1/vault/keks/${encodeURIComponent(id)}/${verb}`, body: null }),
    describe: describeKek,
  });
}

function onKey(verb: string, summary: string, more: Partial<KeyChange> = {}): Command {
  return defineChange({
    verb,
    summary,
    argument: 'KEY_ID',
    example: '7',
    request(id) {
      if (!/^[1-9]\d*$/.test(id)) throw usageError('KEY_ID is the number of a data key, as vault status shows it');
      return { path: `/admin/v1/vault/keys/${id}/${verb}`, body: null };
    },
    describe: describeKey,
    ...more,
  });
}

export const vaultChanges: readonly Command[] = [
  defineChange({
    verb: 'add-kek',
    summary: 'Make a key-encryption key known that the key provider of the Broker holds.',
    argument: 'ID',
    example: 'kek-2027',
    request: (id) => ({ path: '/admin/v1/vault/keks', body: { id } }),
    describe: describeKek,
  }),
  onKek('promote', 'Wrap every data key anew with this key-encryption key.', 'Every Broker must hold the key by then.'),
  onKek('retire', 'Give a key-encryption key up that wraps nothing any more.'),
  defineChange({
    verb: 'add',
    summary: 'Make a data key that seals nothing until it is promoted.',
    argument: 'PURPOSE',
    example: 'cred',
    note: `PURPOSE is one of ${purposes.join(', ')}.`,
    request(purpose) {
      if (!purposes.includes(purpose)) throw usageError(`PURPOSE is one of ${purposes.join(', ')}`);
      return { path: '/admin/v1/vault/keys', body: { purpose } };
    },
    describe: describeKey,
  }),
  onKey('promote', 'Seal with this data key from now on; what the one before it sealed is sealed again.'),
  onKey('retire', 'Give a data key up that nothing is sealed with any more.'),
  onKey('compromise', 'Put another data key in the place of one that became known, and seal everything again at once.'),
  onKey('destroy', 'Delete a retired data key for good.', {
    isFinal: true,
    note: 'Backups that are older than its retirement cannot be opened afterwards.',
  }),
];
