import { NexusError } from '@nexus/core/errors';
import { maxJsonEntries } from './json-guard.js';

/**
 * The rules of the JSON guard for a URL-encoded form: names once each, a bounded number of them, valid UTF-8 under the
 * percent encoding, no NUL.
 *
 * @throws NexusError invalid_request
 */
export function checkFormText(text: string): void {
  const pairs = text.split('&');
  if (pairs.length > maxJsonEntries) throw refuse('has too many fields');
  const names = new Set<string>();
  for (const pair of pairs) {
    if (pair === '') continue;
    const decoded = decode(pair);
    if (decoded.includes('\u0000')) throw refuse('holds a NUL character');
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    if (names.has(name)) throw refuse('holds a field twice');
    names.add(name);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new NexusError('invalid_request', 'The request body is not a valid form.', { cause });
  }
}

function refuse(problem: string): NexusError {
  return new NexusError('invalid_request', `The request body ${problem}.`);
}
