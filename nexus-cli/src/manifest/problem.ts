/** What is wrong with a manifest, and where. */

export interface Place {
  /** As it was named on the command line, or found in a folder named there; `(standard input)`. */
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly place: Place;
  readonly message: string;
  /** The variable that would solve it. */
  readonly unset?: string;
}

export function describePlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

export function describeProblem({ place, message }: Problem): string {
  return `${describePlace(place)}: ${message}`;
}

/** Files as they were named, and from the top of each. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map(({ place }) => place.file))];
  return problems.toSorted(
    ({ place: a }, { place: b }) =>
      files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
}
