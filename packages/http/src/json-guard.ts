/**
 * Refuses JSON that a parser would accept but no client of ours means (G2, G3): deep or huge structures, keys that occur twice
 * (JSON.parse keeps the last, another reader the first; RFC 8259, section 4), lone surrogates and NUL (RFC 7493,
 * section 2.1), and numbers that overflow. One pass over the text, before anything is built from it. Syntax is left
 * to JSON.parse: text this pass cannot follow fails there.
 */
import { NexusError } from '@nexus/core/errors';

export const maxJsonDepth = 32;
export const maxJsonEntries = 1000;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws NexusError invalid_request when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new NexusError('invalid_request', 'The request body is not valid UTF-8.', { cause });
  }
}

/** @throws NexusError invalid_request naming the rule that the text breaks. */
export function parseGuardedJson(text: string): unknown {
  checkJsonText(text);
  const parsed = tryParse(text);
  if (parsed === null) throw refuse('is not valid JSON');
  return parsed.value;
}

/** The parser's message quotes the input, so its error is dropped here and not even kept as a cause. */
function tryParse(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

const quote = 0x22;
const backslash = 0x5c;

interface Container {
  /** The keys seen so far; null for an array. */
  readonly keys: Set<string> | null;
}

/** @throws NexusError invalid_request naming the rule that the text breaks. */
export function checkJsonText(text: string): void {
  const stack: Container[] = [];
  let top: Container | null = null;
  let isKeyNext = false;
  let entries = 0;
  let index = 0;

  const countEntry = (): void => {
    entries += 1;
    if (entries > maxJsonEntries) throw refuse(`has more than ${maxJsonEntries} keys and array entries`);
  };

  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code === 0x3a) {
      index += 1;
      continue;
    }
    if (code === 0x7d || code === 0x5d) {
      stack.pop();
      top = stack.at(-1) ?? null;
      isKeyNext = false;
      index += 1;
      continue;
    }
    if (code === 0x2c) {
      isKeyNext = top !== null && top.keys !== null;
      index += 1;
      continue;
    }
    if (top !== null && (isKeyNext || top.keys === null)) countEntry();
    if (code === quote) {
      const end = scanString(text, index);
      if (isKeyNext && top !== null && top.keys !== null) addKey(top.keys, text.slice(index, end));
      isKeyNext = false;
      index = end;
    } else if (code === 0x7b || code === 0x5b) {
      if (stack.length >= maxJsonDepth) throw refuse(`is nested deeper than ${maxJsonDepth} levels`);
      top = { keys: code === 0x7b ? new Set() : null };
      stack.push(top);
      isKeyNext = code === 0x7b;
      index += 1;
    } else {
      index = scanLiteral(text, index);
      isKeyNext = false;
    }
  }
}

/** Returns the index after the closing quote; without one, the end of the text, which JSON.parse then refuses. */
function scanString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code === quote) return index + 1;
    index = code === backslash ? scanEscape(text, index) : index + 1;
  }
  return index;
}

/** Decoded UTF-8 holds no lone surrogate, so only escapes can spell one. */
function scanEscape(text: string, start: number): number {
  if (text[start + 1] !== 'u') return start + 2;
  const unit = readUnit(text, start);
  if (unit === 0) throw refuse('holds a NUL character');
  if (unit >= 0xdc00 && unit <= 0xdfff) throw refuse('holds a lone surrogate');
  if (unit < 0xd800 || unit > 0xdbff) return start + 6;
  const low = readUnit(text, start + 6);
  if (low < 0xdc00 || low > 0xdfff) throw refuse('holds a lone surrogate');
  return start + 12;
}

/** Returns the code unit of the `\uXXXX` at this place, or -1. */
function readUnit(text: string, start: number): number {
  if (text[start] !== '\\' || text[start + 1] !== 'u') return -1;
  const digits = text.slice(start + 2, start + 6);
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
}

function scanLiteral(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && !isDelimiter(text.charCodeAt(index))) index += 1;
  const literal = text.slice(start, index);
  if (!/[a-df-zA-DF-Z]/.test(literal) && !Number.isFinite(Number(literal)) && !Number.isNaN(Number(literal))) {
    throw refuse('holds a number out of range');
  }
  return index;
}

function isDelimiter(code: number): boolean {
  return code <= 0x20 || code === 0x2c || code === 0x5d || code === 0x7d || code === 0x3a || code === quote;
}

function addKey(keys: Set<string>, quoted: string): void {
  const key = quoted.includes('\\') ? decodeKey(quoted) : quoted.slice(1, -1);
  if (key === '__proto__') throw refuse('holds a key that is never a field');
  if (keys.has(key)) throw refuse('holds a key twice in one object');
  keys.add(key);
}

function decodeKey(quoted: string): string {
  const parsed = tryParse(quoted);
  if (parsed === null) throw refuse('is not valid JSON');
  return String(parsed.value);
}

function refuse(problem: string): NexusError {
  return new NexusError('invalid_request', `The request body ${problem}.`);
}
