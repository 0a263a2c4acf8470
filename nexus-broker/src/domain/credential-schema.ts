import type { ErrorDetail } from '@nexus/core/errors';
import { findDisplayProblem, findProseProblem } from './display-text.js';
import { FieldReader, isJsonObject, type JsonObject, throwIfAny, toPathPart } from './field-reader.js';
import { compilePattern, type LinearPattern } from './linear-pattern.js';
import { PatternError } from './pattern-syntax.js';

/** The JSON Schema (2020-12) subset a static provider describes its credential with: one flat object of strings. */
export interface CredentialField {
  readonly type: 'string';
  readonly title?: string;
  readonly description?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
  readonly default?: string;
}

export interface CredentialSchema {
  readonly type: 'object';
  readonly title?: string;
  readonly description?: string;
  readonly properties: { readonly [name: string]: CredentialField };
  readonly required: readonly string[];
}

const credentialFormats = ['password', 'uri', 'email', 'hostname', 'uuid'] as const;
const maxCredentialLength = 16_384;

const maxProperties = 20;
const maxChoices = 50;
/** Matcher steps that checking one whole submission may cost. */
const patternBudget = 200_000;
const dialect = 'https://json-schema.org/draft/2020-12/schema';
const defaultTitles: { readonly [name: string]: string } = {
  api_key: 'API key',
  api_secret: 'API secret',
  access_key: 'Access key ID',
  secret_key: 'Secret access key',
  session_token: 'Session token',
};

/** An admin's schema, checked to be inside the subset. Throws `invalid_request` with details. */
export function parseCredentialSchema(value: unknown): CredentialSchema {
  const details: ErrorDetail[] = [];
  const schema = readCredentialSchema(value, details);
  throwIfAny('The credential schema is not valid', details);
  return schema;
}

/** As `parseCredentialSchema`, but adds what is wrong to `details`; the result counts only when nothing was added. */
export function readCredentialSchema(value: unknown, details: ErrorDetail[]): CredentialSchema {
  const root: JsonObject = isJsonObject(value) ? value : {};
  const fields = new FieldReader(root, 'credential_schema', details);
  fields.refuseUnknown(['$schema', 'type', 'title', 'description', 'properties', 'required', 'additionalProperties']);
  if (fields.get('type') !== 'object') fields.refuse('type', 'must be "object"');
  if (fields.has('$schema')) fields.choice('$schema', [dialect]);
  if (fields.flag('additionalProperties') === true) fields.refuse('additionalProperties', 'must be false');
  const title = fields.text('title', (text) => findDisplayProblem(text, 80));
  const description = fields.text('description', (text) => findProseProblem(text, 500));
  const given = Object.entries(fields.object('properties') ?? {});
  if (given.length < 1 || given.length > maxProperties) {
    fields.refuse('properties', `must describe 1 to ${maxProperties} fields`);
  }
  const properties: [string, CredentialField][] = [];
  for (const [name, property] of given.slice(0, maxProperties)) {
    if (isFieldName(name)) properties.push([name, readField(name, property, details)]);
    else fields.refuse(`properties.${toPathPart(name)}`, 'must be named with a letter, then letters, digits, _ or -');
  }
  const required = fields.texts('required', maxProperties, (name) =>
    properties.some(([known]) => known === name) ? null : 'must be one of the properties',
  );
  const schema: CredentialSchema = {
    type: 'object',
    ...(title === null ? {} : { title }),
    ...(description === null ? {} : { description }),
    properties: Object.fromEntries(properties),
    required: required ?? [],
  };
  if (details.length === 0) checkPatternFit(schema, details);
  if (details.length === 0) checkDefaults(schema, details);
  return schema;
}

/** What is wrong with submitted credentials, in words for the person who typed them; empty when nothing is. */
export function checkCredentials(schema: CredentialSchema, credentials: unknown): ErrorDetail[] {
  if (!isJsonObject(credentials)) return [{ path: 'credentials', message: 'The credentials must be an object.' }];
  const details: ErrorDetail[] = [];
  for (const name of Object.keys(credentials)
    .filter((key) => !Object.hasOwn(schema.properties, key))
    .slice(0, 20)) {
    details.push({ path: `credentials.${toPathPart(name)}`, message: 'This provider has no such field.' });
  }
  const patterns = compilePatterns(schema);
  const patternLimit = limitPatternLength(patterns);
  for (const [name, field] of Object.entries(schema.properties)) {
    const problem = findValueProblem({
      field,
      title: titleOf(name, field),
      value: Object.hasOwn(credentials, name) ? credentials[name] : undefined,
      isRequired: schema.required.includes(name),
      pattern: patterns.get(name) ?? null,
      patternLimit,
    });
    if (problem !== null) details.push({ path: `credentials.${name}`, message: problem });
  }
  return details;
}

/** The schema of a provider that brought none: one masked field for each field its strategy uses. */
export function createCredentialSchema(required: readonly string[], optional: readonly string[]): CredentialSchema {
  const properties = [...required, ...optional].map((name): [string, CredentialField] => {
    const title = titleOf(name, { type: 'string' });
    const isSecret = name !== 'username' && name !== 'access_key';
    return [name, isSecret ? { type: 'string', title, format: 'password' } : { type: 'string', title }];
  });
  return { type: 'object', properties: Object.fromEntries(properties), required };
}

function isFieldName(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name) && !(name in {});
}

function titleOf(name: string, field: CredentialField): string {
  if (field.title !== undefined) return field.title;
  if (Object.hasOwn(defaultTitles, name)) return defaultTitles[name] ?? name;
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`.replace(/[_-]+/g, ' ').trim();
}

function readField(name: string, value: unknown, details: ErrorDetail[]): CredentialField {
  const path = `credential_schema.properties.${name}`;
  if (!isJsonObject(value)) {
    details.push({ path, message: 'must be an object' });
    return { type: 'string' };
  }
  const reader = new FieldReader(value, path, details);
  const known = ['type', 'title', 'description', 'format', 'pattern', 'minLength', 'maxLength', 'enum', 'default'];
  reader.refuseUnknown(known);
  if (reader.get('type') !== 'string') reader.refuse('type', 'must be "string"');
  const title = reader.text('title', (text) => findDisplayProblem(text, 80));
  const description = reader.text('description', (text) => findProseProblem(text, 500));
  const format = reader.choice('format', credentialFormats);
  const pattern = reader.text('pattern', findPatternProblem);
  const minLength = reader.integer('minLength', 0, maxCredentialLength);
  const maxLength = reader.integer('maxLength', 1, maxCredentialLength);
  const choices = reader.texts('enum', maxChoices, (text) => findDisplayProblem(text, 256));
  const byDefault = reader.text('default', (text) => (text.length > 1024 ? 'must be at most 1024 characters' : null));
  if (choices !== null && choices.length === 0) reader.refuse('enum', 'must offer a choice');
  if (minLength !== null && maxLength !== null && minLength > maxLength) {
    reader.refuse('minLength', 'must not be greater than maxLength');
  }
  const field: CredentialField = {
    type: 'string',
    ...(title === null ? {} : { title }),
    ...(description === null ? {} : { description }),
    ...(format === null ? {} : { format }),
    ...(pattern === null ? {} : { pattern }),
    ...(minLength === null ? {} : { minLength }),
    ...(maxLength === null ? {} : { maxLength }),
    ...(choices === null ? {} : { enum: choices }),
    ...(byDefault === null ? {} : { default: byDefault }),
  };
  // Everybody may read a schema, so a value that forms mask has no business in it.
  if (byDefault !== null && format === 'password') reader.refuse('default', 'must not be given for a password');
  return field;
}

function checkDefaults(schema: CredentialSchema, details: ErrorDetail[]): void {
  const defaults = Object.entries(schema.properties).flatMap(([name, field]): [string, string][] =>
    field.default === undefined ? [] : [[name, field.default]],
  );
  const chosen = Object.fromEntries(defaults);
  const refused = checkCredentials({ ...schema, required: [] }, chosen).map((detail) => detail.path);
  for (const name of Object.keys(chosen).filter((field) => refused.includes(`credentials.${field}`))) {
    details.push({ path: `credential_schema.properties.${name}.default`, message: 'must itself be a valid value' });
  }
}

interface ValueCheck {
  readonly field: CredentialField;
  readonly title: string;
  readonly value: unknown;
  readonly isRequired: boolean;
  readonly pattern: LinearPattern | null;
  readonly patternLimit: number;
}

function findValueProblem({ field, title, value, isRequired, pattern, patternLimit }: ValueCheck): string | null {
  if (value === undefined || value === '') return isRequired ? `${title} is required.` : null;
  if (typeof value !== 'string') return `${title} must be text.`;
  if (value.length > maxCredentialLength || Buffer.byteLength(value) > maxCredentialLength) {
    return `${title} must be at most 16 KiB.`;
  }
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)) return `${title} may not contain line breaks or control characters.`;
  const length = [...value].length;
  const { minLength = 0, maxLength = maxCredentialLength } = field;
  if (length < minLength) return `${title} must have at least ${minLength} characters.`;
  if (length > maxLength) return `${title} must have at most ${maxLength} characters.`;
  if (field.enum !== undefined && !field.enum.includes(value)) {
    return `${title} must be one of: ${field.enum.join(', ')}.`;
  }
  if (pattern !== null) {
    if (value.length > patternLimit) return `${title} must have at most ${patternLimit} characters.`;
    if (!pattern.test(value)) return `${title} does not have the expected form.`;
  }
  return findFormatProblem(field.format, title, value);
}

function findFormatProblem(format: string | undefined, title: string, value: string): string | null {
  switch (format) {
    case 'uri':
      return isWebUrl(value) ? null : `${title} must be a web address such as https://example.com.`;
    case 'email':
      return /^[^\s@]{1,64}@[^\s@]{1,255}$/.test(value) ? null : `${title} must be an e-mail address.`;
    case 'hostname':
      return isHostname(value) ? null : `${title} must be a host name such as example.com.`;
    case 'uuid':
      return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(value) ? null : `${title} must be a UUID.`;
    default:
      return null;
  }
}

function isWebUrl(value: string): boolean {
  return /^https?:\/\/[^\s/?#]/i.test(value) && URL.canParse(value);
}

function isHostname(value: string): boolean {
  // RFC 1123 section 2.1.
  return (
    value.length <= 253 && value.split('.').every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label))
  );
}

function findPatternProblem(source: string): string | null {
  try {
    compilePattern(source);
    return null;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

function compilePatterns(schema: CredentialSchema): Map<string, LinearPattern> {
  const named = Object.entries(schema.properties).flatMap(([name, { pattern }]): [string, LinearPattern][] =>
    pattern === undefined ? [] : [[name, compilePattern(pattern)]],
  );
  return new Map(named);
}

/** All patterns of a schema share one budget, so that no submission of 64 KiB costs more than it. */
function limitPatternLength(patterns: ReadonlyMap<string, LinearPattern>): number {
  const size = [...patterns.values()].reduce((sum, pattern) => sum + pattern.size, 0);
  return size === 0 ? maxCredentialLength : Math.min(maxCredentialLength, Math.floor(patternBudget / size));
}

function checkPatternFit(schema: CredentialSchema, details: ErrorDetail[]): void {
  const limit = limitPatternLength(compilePatterns(schema));
  for (const [name, field] of Object.entries(schema.properties)) {
    const longest = Math.max(field.minLength ?? 0, field.maxLength ?? 0);
    if (field.pattern === undefined || longest <= limit) continue;
    const message = `is too costly for values of ${longest} characters; at most ${limit} would fit`;
    details.push({ path: `credential_schema.properties.${name}.pattern`, message });
  }
}
