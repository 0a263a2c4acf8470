/** The commands that change the key ring; each is one request. */
import type { DataKey, Kek } from '@nexus/broker-api/vault';
import { jsonOption, type Positional, yesOption } from '../arguments.js';
import { openBroker } from '../broker.js';
import { type Command, defineCommand, exits, usageError } from '../command.js';
import { confirm, present } from '../print.js';

interface KeyChange {
  /** The word after `vault`. */
  readonly verb: string;
  /** What the argument is called in the usage line. */
  readonly argument: string;
  readonly positional: Positional;
  readonly example: string;
  /** Nothing brings back what it takes away: what it does then, for the question. */
  readonly final?: string;
  /** More about it. */
  readonly note?: string;
  /** @throws CommandError for an argument that cannot be meant */
  request(argument: string): { readonly path: string; readonly body: unknown };
  describe(answer: unknown): string;
}

const purposes = ['cred', 'provider', 'flow', 'audit', 'checkpoint'];

function defineChange({ verb, argument, positional, example, final, note, request, describe }: KeyChange): Command {
  return defineCommand({
    options: { json: jsonOption, ...(final === undefined ? {} : { yes: yesOption }) },
    args: { [argument]: positional },
    ...(note === undefined ? {} : { description: [note] }),
    examples: [`vault ${verb} ${example}${final === undefined ? '' : ' --yes'}`],
    roles: ['admin'],
    async run({ options, args }, context) {
      const { path, body } = request(args[argument] ?? '');
      if (final !== undefined) await confirm({ what: final, isAgreed: options['yes'] === true }, context);
      const data = await (await openBroker(context)).post<unknown>(path, body);
      present({ data, view: (answer) => [describe(answer)], isJson: options['json'] === true }, context);
      return exits.done;
    },
  });
}

function describeKek(answer: unknown): string {
  const { id, state, data_keys } = answer as Kek;
  return `key-encryption key ${id} is ${state} and wraps ${data_keys} data keys`;
}

export function describeKey(answer: unknown): string {
  const { id, purpose, state, public_key } = answer as DataKey;
  return `data key ${id} (${purpose}) is ${state}${public_key === undefined ? '' : `; its public key is ${public_key}`}`;
}

const kekArgument = { argument: 'ID', positional: { help: 'the id of the key-encryption key' }, example: 'kek-2027' };

function onKek(verb: string, note?: string): Command {
  return defineChange({
    verb: `${verb}-kek`,
    ...kekArgument,
    ...(note === undefined ? {} : { note }),
    request: (id) => ({ path: `/admin/v1/vault/keks/${encodeURIComponent(id)}/${verb}`, body: null }),
    describe: describeKek,
  });
}

function onKey(verb: string, more: Partial<KeyChange> = {}): Command {
  return defineChange({
    verb,
    argument: 'KEY_ID',
    positional: { help: 'the number of the data key, as vault status shows it' },
    example: '7',
    request(id) {
      if (!/^[1-9]\d*$/.test(id)) throw usageError('KEY_ID is the number of a data key, as vault status shows it');
      return { path: `/admin/v1/vault/keys/${id}/${verb}`, body: null };
    },
    describe: describeKey,
    ...more,
  });
}

export const addKek = defineChange({
  verb: 'add-kek',
  ...kekArgument,
  request: (id) => ({ path: '/admin/v1/vault/keks', body: { id } }),
  describe: describeKek,
});
export const promoteKek = onKek('promote', 'Every Broker must hold the key by then.');
export const retireKek = onKek('retire');
export const addKey = defineChange({
  verb: 'add',
  argument: 'PURPOSE',
  positional: { help: 'what the key is for', among: purposes },
  example: 'cred',
  request: (purpose) => ({ path: '/admin/v1/vault/keys', body: { purpose } }),
  describe: describeKey,
});
export const promoteKey = onKey('promote');
export const retireKey = onKey('retire');
export const compromiseKey = onKey('compromise');
export const destroyKey = onKey('destroy', {
  final: 'A destroyed data key does not come back, and older backups cannot be opened',
  note: 'Backups that are older than its retirement cannot be opened afterwards.',
});
