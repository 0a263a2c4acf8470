/**
 * Blocks of a profile as data: one table per block says how each field is read, what it is without a value, and how it
 * is shown again, so that reading and writing a profile cannot disagree.
 */

import type { TextCheck } from './field-reader.js';
import { type FieldReader, isJsonObject, toPathPart } from './field-reader.js';

export interface Field<T> {
  readonly name: string;
  read(fields: FieldReader): T;
  write(value: T): unknown;
}

interface Block {
  readonly [key: string]: Field<unknown>;
}

/** What a block is once it has been read. */
export type Read<B extends Block> = { readonly [K in keyof B]: B[K] extends Field<infer T> ? T : never };

export function readBlock<const B extends Block>(block: B, fields: FieldReader): Read<B> {
  fields.refuseUnknown(Object.values(block).map(({ name }) => name));
  return Object.fromEntries(Object.entries(block).map(([key, field]) => [key, field.read(fields)])) as Read<B>;
}

export function writeBlock<B extends Block>(block: B, value: Read<B>): { readonly [name: string]: unknown } {
  return Object.fromEntries(Object.entries(block).map(([key, field]) => [field.name, field.write(value[key])]));
}

function field<T>(name: string, read: (fields: FieldReader) => T): Field<T> {
  return { name, read, write: (value) => value };
}

export function choice<const C extends string, D extends C | null>(name: string, choices: readonly C[], absent: D) {
  return field<C | D>(name, (fields) => fields.choice(name, choices) ?? absent);
}

export function flag(name: string, absent: boolean): Field<boolean> {
  return field(name, (fields) => fields.flag(name) ?? absent);
}

export function text(name: string, check: TextCheck): Field<string | null> {
  return field(name, (fields) => fields.text(name, check));
}

export function textOr(name: string, check: TextCheck, absent: string): Field<string> {
  return field(name, (fields) => fields.text(name, check) ?? absent);
}

export function requiredText(name: string, check: TextCheck): Field<string> {
  return field(name, (fields) => fields.required(name, check));
}

export function integer(name: string, min: number, max: number): Field<number | null> {
  return field(name, (fields) => fields.integer(name, min, max));
}

export function integerOr(name: string, min: number, max: number, absent: number): Field<number> {
  return field(name, (fields) => fields.integer(name, min, max) ?? absent);
}

export function texts(name: string, maxItems: number, check: TextCheck): Field<readonly string[]> {
  return field(name, (fields) => fields.texts(name, maxItems, check) ?? []);
}

export function integers(name: string, maxItems: number, min: number, max: number): Field<readonly number[]> {
  return field(name, (fields) => {
    if (!fields.has(name)) return [];
    const value = fields.get(name);
    const isFit = (item: unknown): item is number =>
      Number.isInteger(item) && Number(item) >= min && Number(item) <= max;
    if (Array.isArray(value) && value.length <= maxItems && value.every(isFit)) return value;
    fields.refuse(name, `must be a list of at most ${maxItems} whole numbers from ${min} to ${max}`);
    return [];
  });
}

/** A text, a number or a boolean; null where it is left out. */
export function scalar(name: string): Field<string | number | boolean | null> {
  return field(name, (fields) => {
    if (!fields.has(name)) return null;
    const value = fields.get(name);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    fields.refuse(name, 'must be a string, a number or a boolean');
    return null;
  });
}

interface EntryRules {
  readonly maxEntries: number;
  readonly name: TextCheck;
  readonly value: TextCheck;
}

/** Texts by name. Numbers and booleans are taken for their text. */
export function textsByName(name: string, rules: EntryRules): Field<{ readonly [name: string]: string }> {
  return field(name, (fields) => {
    const given = Object.entries(fields.object(name) ?? {});
    if (given.length > rules.maxEntries) fields.refuse(name, `must hold at most ${rules.maxEntries} entries`);
    const entries: [string, string][] = [];
    for (const [entry, value] of given.slice(0, rules.maxEntries)) {
      const path = `${name}.${toPathPart(entry)}`;
      const isText = ['string', 'number', 'boolean'].includes(typeof value);
      const problem = rules.name(entry) ?? (isText ? rules.value(String(value)) : 'must be a string');
      if (problem === null) entries.push([entry, String(value)]);
      else fields.refuse(path, problem);
    }
    return Object.fromEntries(entries);
  });
}

/** A block within; with its defaults where it is left out. */
export function nested<const B extends Block>(name: string, block: B, empty: FieldReader): Field<Read<B>> {
  return {
    name,
    read: (fields) => readBlock(block, fields.nested(name) ?? empty),
    write: (value) => writeBlock(block, value),
  };
}

/** A block within; null where it is left out. */
export function optional<const B extends Block>(name: string, block: B): Field<Read<B> | null> {
  return {
    name,
    read: (fields) => {
      const inner = fields.nested(name);
      return inner === null ? null : readBlock(block, inner);
    },
    write: (value) => (value === null ? null : writeBlock(block, value)),
  };
}

/** Blocks by name. */
export function blocksByName<const B extends Block>(
  name: string,
  block: B,
  rules: Pick<EntryRules, 'maxEntries' | 'name'>,
): Field<{ readonly [name: string]: Read<B> }> {
  return {
    name,
    read: (fields) => {
      const given = fields.nested(name);
      const names = given?.names() ?? [];
      if (names.length > rules.maxEntries) fields.refuse(name, `must hold at most ${rules.maxEntries} entries`);
      const entries: [string, Read<B>][] = [];
      for (const entry of names.slice(0, rules.maxEntries)) {
        const problem = rules.name(entry);
        if (problem !== null) given?.refuse(toPathPart(entry), problem);
        else if (!isJsonObject(given?.get(entry))) given?.refuse(entry, 'must be an object');
        else {
          const inner = given.nested(entry);
          if (inner !== null) entries.push([entry, readBlock(block, inner)]);
        }
      }
      return Object.fromEntries(entries);
    },
    write: (value) =>
      Object.fromEntries(Object.entries(value).map(([entry, inner]) => [entry, writeBlock(block, inner)])),
  };
}
