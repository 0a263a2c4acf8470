/** A shipped template and what a body says beside it, put together to the profile they mean. */
import { isDeepStrictEqual } from 'node:util';
import type { Template } from '@nexus/catalogue/templates';
import { NexusError } from '@nexus/core/errors';
import { isJsonObject, type JsonObject } from './field-reader.js';
import type { ProviderProfile, TemplateUse } from './provider.js';
import { toWriteProfile, writableFields } from './wire-profile.js';

/** The shipped templates. */
export interface Catalogue {
  findTemplate(nameOrAlias: string): Template | null;
  listTemplates(): readonly Template[];
}

/** A body without `template`, fit to be read as a profile. */
export interface ExpandedBody {
  readonly body: JsonObject;
  readonly template: TemplateUse | null;
}

/** What says who the profile is, or is secret: no template has it. */
const own = ['name', 'client_id', 'client_secret'];

/**
 * The body of a registration: each field of its template, replaced whole by the field of the same name that the body
 * gives, be it null.
 *
 * @throws NexusError `invalid_request` for a template that is not shipped.
 */
export function expandTemplate(catalogue: Catalogue, given: JsonObject): ExpandedBody {
  const { template: name, ...fields } = unaliased(given);
  if ((name ?? null) === null) return { body: fields, template: null };
  const template = requireTemplate(catalogue, name);
  return {
    body: { ...template.profile, ...fields, name: fields['name'] ?? template.name },
    template: describeUse(template, listOverrides(Object.keys(fields))),
  };
}

/**
 * The body that replaces a profile. `template` as reads show it keeps the version of the template that the profile was
 * made from: the body is whole already, and what it changes becomes an override.
 */
export function expandReplacement(catalogue: Catalogue, existing: ProviderProfile, given: JsonObject): ExpandedBody {
  const { template, ...fields } = unaliased(given);
  if (!isJsonObject(template)) return expandTemplate(catalogue, given);
  const stored = existing.template;
  if (stored === null || template['name'] !== stored.name || template['digest'] !== stored.digest) {
    throw refuseTemplate('is not the one that is stored: give its name alone to expand it anew');
  }
  const before: JsonObject = toWriteProfile(existing);
  const changed = Object.keys(before).filter((field) => !isDeepStrictEqual(before[field], fields[field] ?? null));
  const overrides = listOverrides([...stored.overrides, ...changed]);
  return { body: fields, template: { ...stored, overrides } };
}

/**
 * The changes that a patch means: null gives a field the template's value back; `template` expands that template as it
 * is now and keeps what was given beside the former one; `template: null` makes the profile one of its own.
 *
 * @throws NexusError `invalid_request` for a template that is not shipped (any more).
 */
export function expandPatch(catalogue: Catalogue, existing: ProviderProfile, patch: JsonObject): ExpandedBody {
  const { template: name, ...changes } = unaliased(patch);
  const stored = existing.template;
  if (name === null || (name === undefined && stored === null)) return { body: changes, template: null };
  const isReset = (field: string) => changes[field] === null && !own.includes(field);
  const named = Object.keys(changes);
  const given = stored?.overrides ?? (existing.clientId === null ? [] : ['client_id']);
  const kept = given.filter((field) => !isReset(field));
  const overrides = listOverrides([...kept, ...named.filter((field) => !isReset(field))]);
  const resets = named.filter(isReset);
  if (name === undefined && stored !== null) {
    if (resets.length === 0) return { body: changes, template: { ...stored, overrides } };
    const values = valuesOf(requireTemplate(catalogue, stored.name), resets);
    return { body: { ...changes, ...values }, template: { ...stored, overrides } };
  }
  const template = requireTemplate(catalogue, name);
  const expanded = writableFields.filter((field) => ![...own, 'auth_header', ...overrides].includes(field));
  return { body: { ...changes, ...valuesOf(template, expanded) }, template: describeUse(template, overrides) };
}

function requireTemplate(catalogue: Catalogue, name: unknown): Template {
  if (typeof name !== 'string') throw refuseTemplate('must be the name of a template');
  const template = catalogue.findTemplate(name);
  if (template !== null) return template;
  const nearest = nearestNames(catalogue, name.toLowerCase().slice(0, 64));
  const advice = nearest.length === 0 ? '' : `; the nearest are ${nearest.join(', ')}`;
  throw refuseTemplate(`${quoteName(name)}is not shipped${advice}`);
}

function refuseTemplate(message: string): NexusError {
  return new NexusError('invalid_request', `template ${message}.`, { details: [{ path: 'template', message }] });
}

/** The alias of a field stands for the field, so that an override is known by one name. */
function unaliased(body: JsonObject): JsonObject {
  if (!Object.hasOwn(body, 'auth_header') || Object.hasOwn(body, 'token_endpoint_auth_method')) return body;
  const { auth_header: token_endpoint_auth_method, ...fields } = body;
  return { ...fields, token_endpoint_auth_method };
}

function describeUse({ name, digest }: Template, overrides: readonly string[]): TemplateUse {
  return { name, digest, overrides };
}

/** `client_id` counts as given: whoever registers the profile anew has to give it again. */
function listOverrides(fields: readonly string[]): string[] {
  const counted = fields.filter((field) => !['name', 'client_secret', 'auth_header'].includes(field));
  return [...new Set(counted)].sort();
}

/** Null, which is the default of every field, where the template says nothing. */
function valuesOf({ profile }: Template, fields: readonly string[]): JsonObject {
  return Object.fromEntries(fields.map((field) => [field, Object.hasOwn(profile, field) ? profile[field] : null]));
}

const maxDistance = 3;

/** Names of templates that a mistyped one may have meant, the likeliest first. */
function nearestNames(catalogue: Catalogue, name: string): string[] {
  const near = catalogue.listTemplates().flatMap((template) => {
    const words = [template.name, ...template.aliases];
    const distance = Math.min(...words.map((word) => (word.startsWith(name) ? 1 : editDistance(word, name))));
    return distance <= maxDistance && distance < name.length ? [{ name: template.name, distance }] : [];
  });
  near.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return near.slice(0, 3).map((one) => one.name);
}

/** How many characters have to be added, left out or exchanged (Levenshtein). */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...left].entries()) {
    const next = [at + 1];
    for (let j = 0; j < right.length; j += 1) {
      const exchanged = (row[j] ?? 0) + (letter === right[j] ? 0 : 1);
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, exchanged));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** What cannot be a name is not said again: it might be a secret in the wrong place. */
function quoteName(name: string): string {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(name) ? `${name} ` : '';
}
