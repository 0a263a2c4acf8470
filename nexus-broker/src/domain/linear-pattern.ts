import { type CodeRange, PatternError, type PatternNode, parsePattern } from './pattern-syntax.js';

/** A text matcher whose time grows with length times `size` and never faster, whatever the pattern and the text. */
export interface LinearPattern {
  readonly size: number;
  /** Whether the pattern matches anywhere in the text, as JSON Schema has it. */
  test(text: string): boolean;
}

type Instruction =
  | { readonly op: 'set'; readonly ascii: Uint8Array; readonly ranges: readonly CodeRange[] }
  | { readonly op: 'split'; readonly first: number; readonly second: number }
  | { readonly op: 'jump'; readonly to: number }
  | { readonly op: 'start' | 'end' | 'match' };

const maxPatternLength = 256;
const maxPatternSize = 1000;

/**
 * Compiles a pattern for a matcher that follows all possibilities at once, so that no pattern can make it backtrack.
 * Throws `PatternError` for a pattern that is too long, too large or outside the supported language.
 */
export function compilePattern(source: string): LinearPattern {
  if (source.length > maxPatternLength) throw new PatternError(`must be at most ${maxPatternLength} characters`);
  const node = parsePattern(source);
  // Other validators read the same schema, so what they would refuse is refused here.
  if (!isNativePattern(source)) throw new PatternError('is not a valid regular expression');
  const size = measure(node) + 1;
  if (size > maxPatternSize) throw new PatternError('repeats too much');
  const program: Instruction[] = [];
  emit(node, program);
  program.push({ op: 'match' });
  return { size, test: (text) => runProgram(program, text) };
}

function isNativePattern(source: string): boolean {
  try {
    return new RegExp(source, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

/** How many instructions a node becomes; a plain number, so that nested counts cannot grow anything but it. */
function measure(node: PatternNode): number {
  switch (node.kind) {
    case 'set':
    case 'start':
    case 'end':
      return 1;
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + measure(part), 0);
    case 'choice':
      return node.parts.reduce((sum, part) => sum + measure(part) + 2, -2);
    case 'repeat': {
      const once = measure(node.part);
      if (once === 0) return 0;
      return node.min * once + (node.max === null ? once + 2 : (node.max - node.min) * (once + 1));
    }
  }
}

function emit(node: PatternNode, program: Instruction[]): void {
  switch (node.kind) {
    case 'set':
      program.push({ op: 'set', ascii: toTable(node.ranges), ranges: node.ranges });
      return;
    case 'start':
    case 'end':
      program.push({ op: node.kind });
      return;
    case 'sequence':
      for (const part of node.parts) emit(part, program);
      return;
    case 'choice':
      emitChoice(node.parts, program);
      return;
    case 'repeat':
      if (measure(node.part) > 0) emitRepeat(node, program);
  }
}

function emitChoice(parts: readonly PatternNode[], program: Instruction[]): void {
  const jumps: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1) {
      emit(part, program);
      break;
    }
    const split = program.push({ op: 'jump', to: 0 }) - 1;
    emit(part, program);
    jumps.push(program.push({ op: 'jump', to: 0 }) - 1);
    program[split] = { op: 'split', first: split + 1, second: program.length };
  }
  for (const jump of jumps) program[jump] = { op: 'jump', to: program.length };
}

function emitRepeat(node: Extract<PatternNode, { kind: 'repeat' }>, program: Instruction[]): void {
  for (let count = 0; count < node.min; count += 1) emit(node.part, program);
  if (node.max === null) {
    const split = program.push({ op: 'jump', to: 0 }) - 1;
    emit(node.part, program);
    program.push({ op: 'jump', to: split });
    program[split] = { op: 'split', first: split + 1, second: program.length };
    return;
  }
  const splits: number[] = [];
  for (let count = node.min; count < node.max; count += 1) {
    splits.push(program.push({ op: 'jump', to: 0 }) - 1);
    emit(node.part, program);
  }
  for (const split of splits) program[split] = { op: 'split', first: split + 1, second: program.length };
}

function runProgram(program: readonly Instruction[], text: string): boolean {
  const seen = new Uint32Array(program.length);
  let generation = 0;
  let isMatched = false;
  const open: number[] = [];
  const follow = (from: number, position: number, threads: number[]): void => {
    open.push(from);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const instruction = program[at];
      if (instruction === undefined || seen[at] === generation) continue;
      seen[at] = generation;
      if (instruction.op === 'set') threads.push(at);
      else if (instruction.op === 'match') isMatched = true;
      else if (instruction.op === 'jump') open.push(instruction.to);
      else if (instruction.op === 'split') open.push(instruction.second, instruction.first);
      else if (position === (instruction.op === 'start' ? 0 : text.length)) open.push(at + 1);
    }
  };
  let threads: number[] = [];
  for (let position = 0; ; ) {
    if (position === 0) generation += 1;
    follow(0, position, threads);
    if (isMatched || position >= text.length) return isMatched;
    const code = text.codePointAt(position) ?? 0;
    position += code > 0xffff ? 2 : 1;
    const next: number[] = [];
    generation += 1;
    for (const at of threads) {
      const instruction = program[at];
      if (instruction?.op === 'set' && includes(instruction, code)) follow(at + 1, position, next);
    }
    threads = next;
  }
}

function includes(set: { readonly ascii: Uint8Array; readonly ranges: readonly CodeRange[] }, code: number): boolean {
  if (code < 128) return set.ascii[code] === 1;
  let low = 0;
  let high = set.ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [first, last] = set.ranges[middle] ?? [0, 0];
    if (code < first) high = middle - 1;
    else if (code > last) low = middle + 1;
    else return true;
  }
  return false;
}

function toTable(ranges: readonly CodeRange[]): Uint8Array {
  const table = new Uint8Array(128);
  for (const [first, last] of ranges) table.fill(1, Math.min(first, 128), Math.min(last + 1, 128));
  return table;
}
