/**
 * How values cross the line between domain objects and columns, the same way on both databases. Columns hold text,
 * integers and bytes only: instants are fixed-width ISO text, JSON is text, booleans are 0 or 1.
 */
import { NexusError } from '@nexus/core/errors';
import type { SealedBlob } from '@nexus/vault/vault';
import type { ColumnType } from 'kysely';

declare const json: unique symbol;

/** JSON text that holds a `T`; only `encodeJson` makes one. */
export type JsonText<T> = string & { readonly [json]: T };

/** Accepts sealed bytes only. */
export type Sealed = ColumnType<Uint8Array | null, SealedBlob | null, SealedBlob | null>;

export type Flag = 0 | 1;

export function encodeFlag(value: boolean): Flag {
  return value ? 1 : 0;
}

export function decodeFlag(value: Flag): boolean {
  return value === 1;
}

export function encodeJson<T>(value: T): JsonText<T> {
  return JSON.stringify(value) as JsonText<T>;
}

export function decodeJson<T>(text: JsonText<T>): T {
  return JSON.parse(text) as T;
}

export function encodeNullableJson<T>(value: T | null): JsonText<T> | null {
  return value === null ? null : encodeJson(value);
}

export function decodeNullableJson<T>(text: JsonText<T> | null): T | null {
  return text === null ? null : decodeJson(text);
}

/** Checks nothing: one damaged blob must not fail a whole list. Opening it in the vault tells. */
export function decodeSealed(bytes: Uint8Array | null): SealedBlob | null {
  return bytes as SealedBlob | null;
}

/** A 64-bit integer as a number. Beyond 2^53 a number would be silently wrong, so that is an error. */
export function decodeInteger(value: string | number): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError('An integer column holds a value beyond 2^53.');
  return number;
}

/**
 * Refuses text that the two databases would not keep alike: PostgreSQL has no NUL in text, and a lone surrogate has no
 * UTF-8 form and would come back as another character.
 *
 * @throws NexusError `invalid_request`.
 */
export function checkParameters(parameters: readonly unknown[]): void {
  for (const parameter of parameters) {
    if (typeof parameter === 'string' && (parameter.includes('\0') || loneSurrogate.test(parameter))) {
      throw new NexusError('invalid_request', 'Text must not contain NUL characters or lone surrogates.');
    }
    if (typeof parameter === 'number' && !Number.isSafeInteger(parameter)) {
      throw new RangeError('Numbers are stored as integers up to 2^53.');
    }
  }
}

const loneSurrogate = /\p{Surrogate}/u;
