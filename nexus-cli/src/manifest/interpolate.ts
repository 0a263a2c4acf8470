/** `${NAME}`, `${file:path}` and `$$` in a text. */

export interface Sources {
  /** Undefined for a name that is not set, or set to nothing. */
  variable(name: string): string | undefined;
  /** @throws Error whose message says why it cannot be read */
  readFile(path: string): string;
}

export interface Interpolated {
  readonly text: string;
  readonly problems: readonly ReferenceProblem[];
}

export interface ReferenceProblem {
  /** Which of the references of the text, from 0. */
  readonly reference: number;
  readonly message: string;
  /** The variable that is not set. */
  readonly unset?: string;
}

const token = /\$\$|\$\{([^}\n]*)(\}?)/g;

export function interpolate(text: string, sources: Sources): Interpolated {
  const problems: ReferenceProblem[] = [];
  let reference = -1;
  const replaced = text.replaceAll(token, (found: string, name: string | undefined, end: string | undefined) => {
    if (found === '$$') return '$';
    reference += 1;
    const value =
      end === '' ? { message: '${ is not closed; write $$ for a dollar sign' } : resolve(name ?? '', sources);
    if (typeof value === 'string') return value;
    problems.push({ reference, ...value });
    return '';
  });
  return { text: replaced, problems };
}

/** A text that `interpolate` gives back as it is here. */
export function escapeReferences(text: string): string {
  return text.replaceAll(/\$(?=[${])/g, '$$$$');
}

/** As they stand there, in their order. */
export function listReferences(text: string): readonly string[] {
  return [...text.matchAll(token)].map(([found]) => found).filter((found) => found !== '$$');
}

/** Where the references of a source text begin, in their order. */
export function findReferences(source: string): readonly number[] {
  return [...source.matchAll(token)].filter(([found]) => found !== '$$').map(({ index }) => index);
}

function resolve(name: string, sources: Sources): string | Omit<ReferenceProblem, 'reference'> {
  if (name.startsWith('file:')) return readReferenced(name.slice('file:'.length), sources);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return { message: `\${${name}} is neither \${NAME} nor \${file:path}; write $$ for a dollar sign` };
  }
  return sources.variable(name) ?? { message: `${name} is not set`, unset: name };
}

function readReferenced(path: string, { readFile }: Sources) {
  try {
    return readFile(path).replace(/\r?\n$/, '');
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error) };
  }
}
