/**
 * Placeholders of a profile's URLs: values that differ from connection to connection. A tenant's host is user input, so
 * it may fill only a label below a name the profile spells out, or a whole host on a list (OWASP API7:2023).
 */
import { compilePattern } from './linear-pattern.js';
import { PatternError } from './pattern-syntax.js';

/** What is declared of a value, wherever it comes from. */
export interface PlaceRules {
  readonly pattern: string | null;
  readonly options?: readonly string[];
  readonly allowedHosts: readonly string[];
}

/** The narrowest thing a value must be, given where its placeholder stands. */
export type PlaceUse = 'label' | 'host' | 'origin' | 'text';

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/i;

/** What placeholders stand for by themselves, and what every object has. */
const reservedNames = ['token', 'client_id', 'client_secret', 'constructor'];

export function findPlaceNameProblem(name: string): string | null {
  if (reservedNames.includes(name)) return 'is a name with a meaning of its own';
  return /^[a-z][a-z0-9_]{0,31}$/.test(name) ? null : 'must be lower-case letters, digits and underscores, at most 32';
}

export function findPatternProblem(source: string): string | null {
  try {
    compilePattern(anchor(source));
    return null;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

/** A host name, or a suffix that begins with a dot and has at least two labels. */
export function findHostRuleProblem(rule: string): string | null {
  const name = rule.startsWith('.') ? rule.slice(1) : rule;
  const isRule = hostName.test(name) && name === name.toLowerCase();
  return isRule ? null : 'must be a host name in lower case, or a dot and the end of one with at least two labels';
}

/** Why a value may not stand where its placeholders stand; null when it may. */
export function findPlaceProblem(rules: PlaceRules, uses: ReadonlySet<PlaceUse>, value: string): string | null {
  if (!/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,512}$/u.test(value))
    return 'must be 1 to 512 characters without control characters';
  if ((rules.options ?? []).length > 0 && !rules.options?.includes(value)) {
    return `must be one of ${(rules.options ?? []).join(', ')}`;
  }
  if (rules.pattern !== null && !compilePattern(anchor(rules.pattern)).test(value))
    return 'is not of the expected form';
  if (uses.has('label') && !label.test(value)) return 'must be one label of a host name';
  if (uses.has('host') && !(hostName.test(value) && isAllowedHost(rules, value))) return describeHosts(rules);
  if (uses.has('origin') && !isAllowedOrigin(rules, value)) return describeHosts(rules);
  return uses.has('text') && /^\.{1,2}$/.test(value) ? 'must not be dots only' : null;
}

function anchor(pattern: string): string {
  return `^(?:${pattern})$`;
}

function isAllowedHost({ allowedHosts }: PlaceRules, value: string): boolean {
  const host = value.toLowerCase();
  return allowedHosts.some((rule) => (rule.startsWith('.') ? host.endsWith(rule) : host === rule));
}

function isAllowedOrigin(rules: PlaceRules, value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return (
    url.protocol === 'https:' &&
    url.port === '' &&
    url.origin === value.toLowerCase().replace(/\/$/, '') &&
    isAllowedHost(rules, url.hostname)
  );
}

function describeHosts({ allowedHosts }: PlaceRules): string {
  return `must be a host of this provider: ${allowedHosts.join(', ')}`;
}
