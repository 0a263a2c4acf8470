import type { Secret } from '@nexus/core/secret';
import type { z } from 'zod';

/** One setting as data: the reference page, the example file and the loader all read this. */
export interface SettingDefinition {
  /** Parses the text of the environment variable; its output is the type of the setting. */
  readonly schema: z.ZodType;
  /** Used when the variable is absent or empty; written the way an operator would write it. */
  readonly default?: string | number | boolean;
  /** A required setting without a value is a problem; an optional one without a default becomes null. */
  readonly required?: boolean;
  /** A secret is wrapped in Secret, may also come from the file that NAME_FILE names, and is never printed. */
  readonly secret?: boolean;
  /** A value shown in documents. For a secret it is refused at start, since it is public. */
  readonly example?: string;
  /** One sentence for the operator. */
  readonly help: string;
}

export type Settings = Readonly<Record<string, SettingDefinition>>;

/** What is wrong with one setting, in words that never hold the value of a secret. */
export interface SettingProblem {
  readonly setting: string;
  readonly problem: string;
}

/** `PUBLIC_URL` becomes `publicUrl`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

type ValueOf<D extends SettingDefinition> = D extends { required: true } | { default: string | number | boolean }
  ? z.output<D['schema']>
  : z.output<D['schema']> | null;

type SecretOf<D extends SettingDefinition> = D extends { required: true }
  ? Secret<z.output<D['schema']>>
  : Secret<z.output<D['schema']>> | null;

/** The settings that are not secret, by camel-case name. */
export type ConfigOf<S extends Settings> = {
  readonly [Name in keyof S & string as S[Name] extends { secret: true } ? never : CamelCase<Name>]: ValueOf<S[Name]>;
};

/** The secret settings, by camel-case name, each wrapped. */
export type SecretsOf<S extends Settings> = {
  readonly [Name in keyof S & string as S[Name] extends { secret: true } ? CamelCase<Name> : never]: SecretOf<S[Name]>;
};

/**
 * Declares the settings of one process.
 *
 * @throws TypeError when a name is not an environment name, ends in `_FILE`, or a secret carries a default (a secret
 * everybody can read in the source protects nothing).
 */
export function defineSettings<const S extends Settings>(settings: S): S {
  for (const [name, setting] of Object.entries(settings)) {
    if (!/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(name)) throw new TypeError(`${name} is not an environment name`);
    if (name.endsWith('_FILE') && setting.secret === true) {
      throw new TypeError(`${name}: the ending _FILE is kept for the file variant of a secret`);
    }
    if (setting.secret === true && setting.default !== undefined) {
      throw new TypeError(`${name} is a secret and may not have a default`);
    }
  }
  return settings;
}

export function toCamelCase(name: string): string {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
