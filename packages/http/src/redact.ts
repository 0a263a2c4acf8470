/**
 * Cleans free text before it is logged. The first line of defence is that only listed fields are logged at all; this one
 * catches what libraries put into messages and stacks: URLs with credentials or queries, bearer values, anything that
 * looks like a key. Control and direction characters are spelled out, so a log line reads as what it is (A7).
 */
import { NexusError } from '@nexus/core/errors';

const mark = '[redacted]';

const patterns: readonly { readonly pattern: RegExp; readonly replacement: string }[] = [
  { pattern: /nx[acgkpstu]_[0-9A-Za-z]{20,}/g, replacement: mark },
  { pattern: /\b(Bearer|Basic)\s+[^\s"']+/gi, replacement: `$1 ${mark}` },
  { pattern: /\beyJ[\w-]{5,}(\.[\w-]*)*/g, replacement: mark },
  // Scheme and host say where; user, path and query say what, so they go. Stacks name their files by file: URL.
  { pattern: /\b(?!file:)([a-z][a-z0-9+-]*:\/\/)(?:[^\s/@"'<>]*@)?([^\s/?#"'<>)]*)[^\s"'<>)]*/gi, replacement: '$1$2' },
  { pattern: /[0-9A-Za-z+_=-]{40,}/g, replacement: mark },
];

const maxLength = 8000;

/** Nearly all logged text is short and plain; every pattern above needs one of these signs, or 40 characters. */
const plainText = /^[\w ./:{}*-]{0,39}$/;
const signs = /nx[acgkpstu]_|eyJ|:\/\/|bearer|basic/i;

export function redactText(text: string): string {
  if (plainText.test(text) && !signs.test(text)) return text;
  let clean = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  for (const { pattern, replacement } of patterns) clean = clean.replace(pattern, replacement);
  return clean.replace(/(?![\t\n])[\p{C}\p{Zl}\p{Zp}]/gu, spellOut);
}

function spellOut(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

export interface LoggedError {
  readonly name: string;
  readonly code?: string;
  readonly message?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

const maxCauses = 5;

/**
 * Describes an error for a log line. In brief form (below level `error`) only what is public anyway: name, code, and the message of a
 * NexusError. In full also private messages and stacks, and the chain of causes, cleaned.
 */
export function describeError(error: unknown, isFull: boolean, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { name: typeof error };
  const isPublic = error instanceof NexusError;
  const code =
    'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? error.code : null;
  const stack = typeof error.stack === 'string' ? error.stack : '';
  // A JSON parser quotes its input.
  const message = error instanceof SyntaxError ? '[syntax error]' : error.message;
  return {
    name: redactText(error.name),
    ...(code === null ? {} : { code: redactText(String(code)) }),
    ...(isFull || isPublic ? { message: redactText(message) } : {}),
    ...(isFull ? { stack: redactText(keepFrames(stack)) } : {}),
    ...(isFull && error.cause !== undefined && depth < maxCauses
      ? { cause: describeError(error.cause, true, depth + 1) }
      : {}),
  };
}

/** The lines of a stack that name code; what stands before them repeats the message. */
function keepFrames(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 20)
    .join('\n');
}
