/** One thing that a manifest says, and all of them. */
import type { Path } from './locate.js';
import type { Place } from './problem.js';
import type { Section, SectionValue } from './schema.js';

export interface Entry<S extends Section = Section> {
  readonly section: S;
  /** What tells it from others of its section. */
  readonly name: string;
  readonly value: SectionValue<S>;
  /** What relative paths of it begin at. */
  readonly folder: string;
  /** By dotted path within the value, the references it was read with, such as `${NAME}`. */
  readonly references: ReadonlyMap<string, string>;
  place(path?: Path): Place;
}

/** A section that no file has is missing; one that is there may be empty. */
export type Manifest = { readonly [S in Section]?: readonly Entry<S>[] };

/** Those of paths that begin so, without that. */
export function referencesBelow(references: ReadonlyMap<string, string>, prefix: string): ReadonlyMap<string, string> {
  const below = [...references].filter(([path]) => path.startsWith(prefix));
  return new Map(below.map(([path, text]) => [path.slice(prefix.length), text]));
}
