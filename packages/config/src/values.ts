/** Schemas for the texts that environment variables hold. Their messages never repeat the text. */
import { isIP } from 'node:net';
import { z } from 'zod';

/** `true` or `false`, nothing else: a mistyped security switch must not read as "off". */
export function booleanText() {
  return z.enum(['true', 'false'], { error: 'must be true or false' }).transform((text) => text === 'true');
}

/** A whole number between two bounds, both included. */
export function integerText(bounds: { readonly min: number; readonly max: number }) {
  const message = `must be a whole number from ${bounds.min} to ${bounds.max}`;
  return z
    .string()
    .regex(/^-?\d{1,15}$/, { error: message })
    .transform(Number)
    .refine((value) => value >= bounds.min && value <= bounds.max, { error: message });
}

export function portText() {
  return integerText({ min: 0, max: 65_535 });
}

/** Entries separated by commas; white space around an entry and empty entries are dropped. */
export function listText() {
  return z.string().transform((text) => splitList(text));
}

/** A program and its arguments as a JSON array, so that none of them is ever read by a shell. */
export function commandText() {
  return z.string().transform((text, context) => {
    const command = parseTexts(text);
    if (command === null || command.length === 0 || command.some((part) => part === '' || part.includes('\0'))) {
      return refuse(context, 'must be a JSON array of a program and its arguments');
    }
    return command;
  });
}

/** An absolute http or https URL without credentials, query or fragment; a trailing slash is dropped. */
export function urlText() {
  return z.string().transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username + url.password !== '') {
      return refuse(context, 'must be an absolute http or https URL without credentials');
    }
    if (url.search !== '' || url.hash !== '' || text.includes('?') || text.includes('#')) {
      return refuse(context, 'must not have a query or a fragment');
    }
    return url.href.replace(/\/+$/, '');
  });
}

/** Exact web origins separated by commas, as browsers send them in `Origin`. */
export function originListText() {
  return z.string().transform((text, context) => {
    const origins = splitList(text);
    if (!origins.every(isExactOrigin)) {
      return refuse(context, 'must list exact origins such as https://app.example.com');
    }
    return origins;
  });
}

/** Addresses and CIDR blocks of either family, separated by commas. */
export function cidrListText() {
  return z.string().transform((text, context) => {
    const blocks = splitList(text);
    if (!blocks.every(isAddressBlock)) return refuse(context, 'must list IP addresses or CIDR blocks');
    return blocks;
  });
}

function parseTexts(text: string): string[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : null;
  } catch {
    return null;
  }
}

function isExactOrigin(text: string): boolean {
  return /^https?:\/\/[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function isAddressBlock(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}
