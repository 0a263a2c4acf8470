import { canonicalJson, type JsonValue } from '@nexus/core/canonical-json';
import type { FieldChange } from './changes.js';
import type { Fields } from './resources.js';

/** What differs, member by member; a list is one value. */
export function diffFields(before: Fields, after: Fields, prefix = ''): FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => diffValue(`${prefix}${name}`, before[name], after[name]));
}

function diffValue(path: string, before: JsonValue | undefined, after: JsonValue | undefined): FieldChange[] {
  if (isSame(before, after)) return [];
  if (isObject(before) && isObject(after)) return diffFields(before, after, `${path}.`);
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}

export function isSame(before: JsonValue | undefined, after: JsonValue | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return canonicalJson(before) === canonicalJson(after);
}

function isObject(value: JsonValue | undefined): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
