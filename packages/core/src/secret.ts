import { inspect } from 'node:util';

const mark = '[secret]';

/**
 * Holds a value that must not be printed by accident: JSON, string conversion and `inspect` all give a redaction
 * mark. `reveal()` is the only door, so every use of a secret can be found by searching for it.
 */
export class Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return mark;
  }

  toJSON(): string {
    return mark;
  }

  [inspect.custom](): string {
    return mark;
  }
}
