/** What a Broker has, as a manifest would say it: without what is so anyway, and without secrets. */
import type { JsonValue } from '@nexus/core/canonical-json';
import type { Api } from '../broker.js';
import { fillDefaults, type Section } from '../manifest/schema.js';
import { isSame } from '../plan/diff-fields.js';
import { chosenFields } from '../plan/read-live.js';
import type { Fields, Live } from '../plan/resources.js';

interface DescribeDeps {
  readonly broker: Api;
  /** Takes the name of a variable that the manifest reads a secret from. */
  onSecret(variable: string): void;
}

/** The fields that a provider without a template cannot be without. */
const coreFields = [
  'name',
  'auth_type',
  'client_id',
  'issuer',
  'auth_url',
  'token_url',
  'token_endpoint_auth_method',
  'api_base_url',
  'auth_strategy',
  'credential_schema',
  'inputs',
  'account',
  'allowed_origins',
];

export async function describeProvider({ broker, onSecret }: DescribeDeps, live: Live): Promise<Fields> {
  const { template, ...fields } = live.fields;
  const use = (template ?? null) as { name: string; overrides: readonly string[] } | null;
  const secret: Fields =
    live.state['client_secret_set'] === true ? { client_secret: placeholder(live.name, onSecret) } : {};
  if (use === null) return { ...(await withoutDefaults(broker, fields)), ...secret };
  const chosen = Object.entries(fields).filter(([name]) => use.overrides.includes(name));
  const overrides = Object.fromEntries(chosen.map(([name, value]) => [name, trim(value, undefined)]));
  const name: Fields = live.name === use.name ? {} : { name: live.name };
  return { template: use.name, ...name, ...overrides, ...secret };
}

function placeholder(name: string, onSecret: (variable: string) => void): string {
  const variable = `${name
    .toUpperCase()
    .replaceAll('-', '_')
    .replace(/^(?=\d)/, '_')}_CLIENT_SECRET`;
  onSecret(variable);
  return `\${${variable}}`;
}

/** What remains is what the Broker would not fill in itself: it says so. */
async function withoutDefaults(broker: Api, fields: Fields): Promise<Fields> {
  const said = Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
  const core = Object.entries(said).filter(([name]) => coreFields.includes(name));
  const body = Object.fromEntries(core.map(([name, value]) => [name, trim(value, undefined)]));
  const { profile } = await broker.post<{ profile: Fields }>('/admin/v1/providers/preview', body);
  const filled = chosenFields(profile);
  const isChosen = ([name, value]: [string, JsonValue]) => coreFields.includes(name) || !isSame(value, filled[name]);
  const chosen = Object.entries(said).filter(isChosen);
  const trimmed = chosen.map(([name, value]) => [
    name,
    trim(value, coreFields.includes(name) ? undefined : filled[name]),
  ]);
  return Object.fromEntries(trimmed.filter(([, value]) => !isEmpty(value as JsonValue)));
}

/** A block without the members that say nothing, or what is so anyway. */
function trim(value: JsonValue, filled: JsonValue | undefined): JsonValue {
  if (!isBlock(value)) return value;
  const defaults = isBlock(filled) ? filled : {};
  const members = Object.entries(value)
    .filter(([name, member]) => member !== null && !isSame(member, defaults[name]))
    .map(([name, member]): [string, JsonValue] => [name, trim(member, defaults[name])]);
  return Object.fromEntries(members.filter(([, member]) => JSON.stringify(member) !== '{}'));
}

function isBlock(value: JsonValue | undefined): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: JsonValue): boolean {
  return ['null', '[]', '{}'].includes(JSON.stringify(value));
}

/** Those fields that the manifest's own defaults do not say, after the ones it always has. */
export function describeSimple(section: Section, required: readonly string[], { fields }: Live, sink: Fields): Fields {
  const needed = Object.fromEntries(
    required.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  );
  const filled = fillDefaults(section, { ...needed, ...sink }) as Fields;
  const chosen = Object.entries(fields).filter(([name, value]) => !isSame(value, filled[name]));
  return { ...needed, ...Object.fromEntries(chosen), ...sink };
}
