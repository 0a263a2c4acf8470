/** Code points from the first to the last, both included. */
export type CodeRange = readonly [number, number];

export type PatternNode =
  | { readonly kind: 'set'; readonly ranges: readonly CodeRange[] }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max: number | null };

export class PatternError extends Error {
  override readonly name = 'PatternError';
}

const maxDepth = 20;
const maxRepeat = 1000;
const lastCodePoint = 0x10ffff;
const digits: CodeRange[] = [[0x30, 0x39]];
const wordCharacters: CodeRange[] = [...digits, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const spaces: CodeRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const lineEnds: CodeRange[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];

/**
 * The part of the regular expression language (`u` mode) that needs no backtracking: characters, classes, groups,
 * alternatives, repetitions, `^` and `$`. Throws `PatternError` for back-references, look-around and everything else.
 */
export function parsePattern(source: string): PatternNode {
  const parser = new Parser(source);
  const node = parser.parseChoice(0);
  parser.expectEnd();
  return node;
}

class Parser {
  readonly #chars: readonly string[];
  #position = 0;

  constructor(source: string) {
    this.#chars = [...source];
  }

  expectEnd(): void {
    if (this.#position < this.#chars.length) throw new PatternError('has a parenthesis without its partner');
  }

  parseChoice(depth: number): PatternNode {
    if (depth > maxDepth) throw new PatternError('is nested too deeply');
    const options = [this.#parseSequence(depth)];
    while (this.#take('|')) options.push(this.#parseSequence(depth));
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', parts: options };
  }

  #parseSequence(depth: number): PatternNode {
    const parts: PatternNode[] = [];
    for (let next = this.#peek(); next !== null && next !== '|' && next !== ')'; next = this.#peek()) {
      parts.push(this.#parseTerm(depth));
    }
    return { kind: 'sequence', parts };
  }

  #parseTerm(depth: number): PatternNode {
    if (this.#take('^')) return { kind: 'start' };
    if (this.#take('$')) return { kind: 'end' };
    let part = this.#parseAtom(depth);
    const repeat = this.#parseQuantifier();
    if (repeat !== null) part = { kind: 'repeat', part, ...repeat };
    return part;
  }

  #parseAtom(depth: number): PatternNode {
    const char = this.#next();
    if (char === '(') {
      if (this.#take('?') && !this.#take(':')) throw new PatternError('may group only with ( ) or (?: )');
      const node = this.parseChoice(depth + 1);
      if (!this.#take(')')) throw new PatternError('has a parenthesis without its partner');
      return node;
    }
    if (char === '[') return { kind: 'set', ranges: this.#parseClass() };
    if (char === '.') return { kind: 'set', ranges: invert(lineEnds) };
    if (char === '\\') return { kind: 'set', ranges: this.#parseEscape(false) };
    if ('*+?{}]'.includes(char)) throw new PatternError(`has a ${char} out of place`);
    return { kind: 'set', ranges: toRanges(char) };
  }

  #parseQuantifier(): { min: number; max: number | null } | null {
    let repeat: { min: number; max: number | null };
    if (this.#take('*')) repeat = { min: 0, max: null };
    else if (this.#take('+')) repeat = { min: 1, max: null };
    else if (this.#take('?')) repeat = { min: 0, max: 1 };
    else if (this.#take('{')) repeat = this.#parseCounts();
    else return null;
    // A lazy repetition matches the same texts.
    this.#take('?');
    return repeat;
  }

  #parseCounts(): { min: number; max: number | null } {
    const min = this.#parseNumber();
    let max: number | null = min;
    if (this.#take(',')) max = this.#peek() === '}' ? null : this.#parseNumber();
    if (!this.#take('}') || (max !== null && max < min)) throw new PatternError('has a repetition that is not valid');
    return { min, max };
  }

  #parseNumber(): number {
    let text = '';
    for (let next = this.#peek(); next !== null && next >= '0' && next <= '9'; next = this.#peek())
      text += this.#next();
    const value = Number(text);
    if (text === '' || value > maxRepeat) throw new PatternError(`may repeat at most ${maxRepeat} times`);
    return value;
  }

  #parseClass(): readonly CodeRange[] {
    const isNegated = this.#take('^');
    const ranges: CodeRange[] = [];
    while (!this.#take(']')) {
      const from = this.#parseClassAtom();
      const isRange = this.#peek() === '-' && this.#chars[this.#position + 1] !== ']';
      if (!isRange) {
        ranges.push(...from);
        continue;
      }
      this.#next();
      ranges.push([toSingle(from), toSingle(this.#parseClassAtom())]);
    }
    if (ranges.some(([first, last]) => first > last)) throw new PatternError('has a range in the wrong order');
    return isNegated ? invert(ranges) : merge(ranges);
  }

  #parseClassAtom(): readonly CodeRange[] {
    const char = this.#next();
    return char === '\\' ? this.#parseEscape(true) : toRanges(char);
  }

  #parseEscape(isInClass: boolean): readonly CodeRange[] {
    const char = this.#next();
    switch (char) {
      case 'd':
        return digits;
      case 'D':
        return invert(digits);
      case 'w':
        return wordCharacters;
      case 'W':
        return invert(wordCharacters);
      case 's':
        return spaces;
      case 'S':
        return invert(spaces);
      case 'x':
        return this.#parseHex(2);
      case 'u':
        return this.#parseHex(4);
      default:
        if ('^$\\.*+?()[]{}|/'.includes(char) || (isInClass && char === '-')) return toRanges(char);
        throw new PatternError(`may not use \\${char}`);
    }
  }

  #parseHex(length: number): readonly CodeRange[] {
    const text = this.#chars.slice(this.#position, this.#position + length).join('');
    const isSurrogate = /^d[89a-f]/i.test(text) && length === 4;
    if (text.length !== length || !/^[0-9a-f]+$/i.test(text) || isSurrogate) {
      throw new PatternError('has a character code that is not valid');
    }
    this.#position += length;
    const code = Number.parseInt(text, 16);
    return [[code, code]];
  }

  #peek(): string | null {
    return this.#chars[this.#position] ?? null;
  }

  #next(): string {
    const char = this.#peek();
    if (char === null) throw new PatternError('ends too early');
    this.#position += 1;
    return char;
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#position += 1;
    return true;
  }
}

function toRanges(char: string): CodeRange[] {
  const code = char.codePointAt(0) ?? 0;
  return [[code, code]];
}

function toSingle(ranges: readonly CodeRange[]): number {
  const [only] = ranges;
  if (ranges.length !== 1 || only === undefined || only[0] !== only[1]) {
    throw new PatternError('has a range between character classes');
  }
  return only[0];
}

/** Sorted, without overlaps, so that a look-up can halve. */
function merge(ranges: readonly CodeRange[]): CodeRange[] {
  const merged: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

function invert(ranges: readonly CodeRange[]): CodeRange[] {
  const gaps: CodeRange[] = [];
  let from = 0;
  for (const [first, last] of merge(ranges)) {
    if (first > from) gaps.push([from, first - 1]);
    from = last + 1;
  }
  if (from <= lastCodePoint) gaps.push([from, lastCodePoint]);
  return gaps;
}
