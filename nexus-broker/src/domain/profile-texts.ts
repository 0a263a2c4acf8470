/** Forms of the texts that a profile is made of; each check says what is wrong with a text, or null. */
import type { TextCheck } from './field-reader.js';

export function findTextProblem(maxLength: number): TextCheck {
  const message = `must be 1 to ${maxLength} characters without control characters`;
  return (value) =>
    value.length >= 1 && value.length <= maxLength && /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u.test(value) ? null : message;
}

/** A parameter may be empty. */
export function findValueProblem(value: string): string | null {
  return value === '' ? null : findTextProblem(1_024)(value);
}

export function findParameterNameProblem(name: string): string | null {
  return /^[A-Za-z0-9][A-Za-z0-9_.:[\]-]{0,63}$/.test(name) ? null : 'is not a valid parameter name';
}

/** What the transport, the guard and client authentication decide is not a profile's to set. */
const reservedHeaders =
  /^(?:accept-encoding|authorization|connection|content-.*|cookie|expect|forwarded|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

export function findHeaderNameProblem(name: string): string | null {
  // RFC 9110 section 5.1: a field name is a token.
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(name)) return 'is not a valid header name';
  return reservedHeaders.test(name) ? 'is not a header that a profile may set' : null;
}

export function findHeaderValueProblem(value: string): string | null {
  return /^[\x20-\x7e]{1,256}$/.test(value) ? null : 'must be 1 to 256 printable ASCII characters';
}

/** Dotted member names and array indexes of a JSON answer. */
export function findPathProblem(path: string): string | null {
  const isPath = /^[A-Za-z0-9_$@-]{1,64}(?:\.[A-Za-z0-9_$@-]{1,64}){0,7}$/.test(path);
  return isPath ? null : 'must be member names and indexes with dots between them, at most eight';
}

export function findWordProblem(value: string): string | null {
  return /^[A-Za-z][A-Za-z0-9._-]{0,63}$/.test(value) ? null : 'must be one word of at most 64 characters';
}
