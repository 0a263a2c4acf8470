/** Reads the members of a provider's answer by the paths of its profile. */
import type { AnswerMatch } from '../domain/profile-quirks.js';

/** What stands at a path of dotted members and array indexes; undefined where nothing does. */
export function readPath(json: unknown, path: string): unknown {
  let current = json;
  for (const part of path.split('.')) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Readonly<Record<string, unknown>>)[part];
  }
  return current;
}

/** A value is compared by its text. Without one to compare with, anything but nothing will do. */
export function matchesAnswer(json: unknown, { path, equals }: AnswerMatch): boolean {
  const found = readPath(json, path);
  if (found === undefined || found === null) return false;
  return equals === null || (typeof found !== 'object' && String(found) === String(equals));
}
