import { type FieldReader, toPathPart } from './field-reader.js';
import { type ErrorClass, errorClasses } from './provider.js';

const maxErrors = 50;

/** Words of the provider for what went wrong, and what each means for the engine. */
export function readErrorMap(fields: FieldReader): { [code: string]: ErrorClass } {
  const errors = fields.nested('errors');
  if (errors === null) return {};
  const codes = errors.names();
  if (codes.length > maxErrors) fields.refuse('errors', `must hold at most ${maxErrors} codes`);
  const map: [string, ErrorClass][] = [];
  for (const code of codes.slice(0, maxErrors)) {
    if (!/^[A-Za-z0-9_.-]{1,100}$/.test(code)) {
      errors.refuse(toPathPart(code), 'must be letters, digits, dots, hyphens and underscores, at most 100');
      continue;
    }
    const errorClass = errors.choice(code, errorClasses);
    if (errorClass !== null) map.push([code, errorClass]);
  }
  return Object.fromEntries(map);
}
