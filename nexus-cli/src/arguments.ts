/** The arguments of a command as data: what reads them, explains them and completes them has one source. */

interface Described {
  /** Without a full stop where it is one phrase. */
  readonly help: string;
  /** One letter, for `-f`. */
  readonly short?: string;
}

interface Valued extends Described {
  /** What the value is called in the usage line; `FILE` and `FOLDER` are completed as paths. */
  readonly value: string;
  /** All the values there are. */
  readonly among?: readonly string[];
}

export type Option =
  | ({ readonly kind: 'flag' } & Described)
  | ({ readonly kind: 'text'; readonly required?: true } & Valued)
  /** May be given several times. */
  | ({ readonly kind: 'list' } & Valued)
  /** A whole number from 1. */
  | ({ readonly kind: 'count' } & Described)
  /** RFC 3339. */
  | ({ readonly kind: 'time' } & Described)
  /** A flag that takes a value where one follows. */
  | ({ readonly kind: 'maybe' } & Valued);

export type Options = Readonly<Record<string, Option>>;

export interface Positional {
  readonly help: string;
  readonly among?: readonly string[];
  readonly optional?: true;
  /** At least one, or any number with `optional`. */
  readonly many?: true;
}

export type Positionals = Readonly<Record<string, Positional>>;

type OptionValue<T extends Option> = T extends { readonly kind: 'flag' }
  ? boolean
  : T extends { readonly kind: 'list' }
    ? readonly string[]
    : T extends { readonly kind: 'count' }
      ? number | null
      : T extends { readonly kind: 'maybe' }
        ? string | boolean
        : T extends { readonly required: true }
          ? string
          : string | null;

type PositionalValue<T extends Positional> = T extends { readonly many: true }
  ? readonly string[]
  : T extends { readonly optional: true }
    ? string | null
    : string;

/** What was typed, by the names of the declaration. Nothing given is null; times are UTC with three fraction digits. */
export interface Given<O extends Options, P extends Positionals> {
  readonly options: { readonly [K in keyof O]: OptionValue<O[K]> };
  readonly args: { readonly [K in keyof P]: PositionalValue<P[K]> };
}

export const jsonOption = { kind: 'flag', help: 'print one JSON document' } as const;
export const yesOption = { kind: 'flag', help: 'do not ask first; needed where nobody can be asked' } as const;
