import { type ErrorDetail, NexusError } from '@nexus/core/errors';

export type JsonObject = { readonly [name: string]: unknown };
/** Says what is wrong with a text, or null. */
export type TextCheck = (value: string) => string | null;

/** Reads the fields of one JSON object and collects everything that is wrong with them. `null` counts as absent. */
export class FieldReader {
  readonly #fields: JsonObject;
  readonly #prefix: string;
  readonly #details: ErrorDetail[];

  constructor(fields: JsonObject, prefix: string, details: ErrorDetail[]) {
    this.#fields = fields;
    this.#prefix = prefix;
    this.#details = details;
  }

  get(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  has(name: string): boolean {
    return (this.get(name) ?? null) !== null;
  }

  refuse(name: string, message: string): void {
    const path = this.#prefix === '' ? name : `${this.#prefix}.${name}`;
    this.#details.push({ path, message });
  }

  refuseUnknown(known: readonly string[]): void {
    for (const name of Object.keys(this.#fields)
      .filter((field) => !known.includes(field))
      .slice(0, 20)) {
      this.refuse(toPathPart(name), 'is not a known field');
    }
  }

  text(name: string, check: TextCheck): string | null {
    if (!this.has(name)) return null;
    const value = this.get(name);
    const problem = typeof value === 'string' ? check(value) : 'must be a string';
    if (problem !== null) this.refuse(name, problem);
    return typeof value === 'string' && problem === null ? value : null;
  }

  /** A text that must be there; `''` once it has been refused. */
  required(name: string, check: TextCheck): string {
    if (!this.has(name)) this.refuse(name, 'is required');
    return this.text(name, check) ?? '';
  }

  flag(name: string): boolean | null {
    if (!this.has(name)) return null;
    const value = this.get(name);
    if (typeof value === 'boolean') return value;
    this.refuse(name, 'must be true or false');
    return null;
  }

  integer(name: string, min: number, max: number): number | null {
    if (!this.has(name)) return null;
    const value = this.get(name);
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    this.refuse(name, `must be a whole number from ${min} to ${max}`);
    return null;
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | null {
    if (!this.has(name)) return null;
    const value = this.get(name);
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) this.refuse(name, `must be one of ${choices.map((one) => `"${one}"`).join(', ')}`);
    return choice ?? null;
  }

  /** A list of different texts. */
  texts(name: string, maxItems: number, check: TextCheck): string[] | null {
    if (!this.has(name)) return null;
    const value = this.get(name);
    if (!Array.isArray(value) || value.length > maxItems) {
      this.refuse(name, `must be a list of at most ${maxItems} strings`);
      return null;
    }
    const texts = value.map((item: unknown, index) => {
      const problem = typeof item === 'string' ? check(item) : 'must be a string';
      if (problem !== null) this.refuse(`${name}[${index}]`, problem);
      return typeof item === 'string' ? item : '';
    });
    if (new Set(texts).size !== texts.length) this.refuse(name, 'must not name anything twice');
    return texts;
  }

  object(name: string): JsonObject | null {
    if (!this.has(name)) return null;
    const value = this.get(name);
    if (isJsonObject(value)) return value;
    this.refuse(name, 'must be an object');
    return null;
  }

  /** A reader of the object that a field holds; null where there is none. */
  nested(name: string): FieldReader | null {
    const value = this.object(name);
    const path = this.#prefix === '' ? name : `${this.#prefix}.${name}`;
    return value === null ? null : new FieldReader(value, path, this.#details);
  }

  /** A reader of these fields alone. */
  only(names: readonly string[]): FieldReader {
    const kept = Object.entries(this.#fields).filter(([name]) => names.includes(name));
    return new FieldReader(Object.fromEntries(kept), this.#prefix, this.#details);
  }

  names(): string[] {
    return Object.keys(this.#fields);
  }
}

export function throwIfAny(summary: string, details: readonly ErrorDetail[]): void {
  if (details.length === 0) return;
  const names = [...new Set(details.map((detail) => detail.path))].slice(0, 5).join(', ');
  throw new NexusError('invalid_request', `${summary}: ${names}.`, { details: details.slice(0, 50) });
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function readObject(value: unknown, what: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw new NexusError('invalid_request', `${what} must be a JSON object.`, {
    details: [{ path: '', message: 'must be an object' }],
  });
}

/** A name that came from outside, fit to stand in a path: printable and short. */
export function toPathPart(name: string): string {
  return name.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
}
