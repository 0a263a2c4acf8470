import type { ErrorDetail } from '@nexus/core/errors';

export type HeaderConfig = {
  readonly header_name: string;
  readonly credential_field: string;
  readonly value_prefix: string;
};
export type HeadersConfig = { readonly headers: { readonly [name: string]: string } };
export type QueryParamConfig = { readonly param_name: string; readonly credential_field: string };
export type BasicAuthConfig = { readonly username_field: string; readonly password_field: string };
export type AwsSigv4Config = { readonly region: string; readonly service: string };

const hmacAlgorithms = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
const hmacEncodings = ['hex', 'base64', 'base64url'] as const;
export type HmacPayloadConfig = {
  readonly header_name: string;
  readonly secret_field: string;
  readonly algo: (typeof hmacAlgorithms)[number];
  readonly encoding: (typeof hmacEncodings)[number];
};

type Config = { readonly [name: string]: unknown };
type Check = (value: string) => string | null;

const maxHeaders = 10;
const maxTemplateLength = 512;
const placeholder = /\{([^{}]*)\}/g;

/** RFC 9110 section 7.6.1: these belong to one hop; the rest decides where a message goes or where it ends. */
const forbiddenHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The field names a template mentions, in order. */
export function templateFields(template: string): string[] {
  return [...template.matchAll(placeholder)].map((match) => match[1] ?? '');
}

/** Whether a name can be a field of a credential. */
function isCredentialFieldName(name: string): boolean {
  // Names that every object inherits would be found in look-ups that mean own members only.
  return /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name) && !(name in {});
}

export function readHeaderConfig(config: Config, details: ErrorDetail[]): HeaderConfig {
  checkNames(config, ['header_name', 'credential_field', 'value_prefix'], details);
  return {
    header_name: readText(config, 'header_name', 'Authorization', checkHeaderName, details),
    credential_field: readText(config, 'credential_field', 'api_key', checkFieldName, details),
    value_prefix: readText(config, 'value_prefix', '', checkHeaderText, details),
  };
}

export function readHeadersConfig(config: Config, details: ErrorDetail[]): HeadersConfig {
  checkNames(config, ['headers'], details);
  const value = config['headers'];
  const path = 'auth_strategy.config.headers';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    details.push({ path, message: 'must be an object of header names and templates' });
    return { headers: {} };
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || entries.length > maxHeaders) {
    details.push({ path, message: `must name 1 to ${maxHeaders} headers` });
    return { headers: {} };
  }
  const seen = new Set<string>();
  const headers: [string, string][] = [];
  for (const [name, template] of entries) {
    const problem = seen.has(name.toLowerCase())
      ? 'is named twice'
      : (checkHeaderName(name) ?? checkTemplate(template));
    if (problem !== null) details.push({ path: `${path}.${name.slice(0, 64)}`, message: problem });
    seen.add(name.toLowerCase());
    headers.push([name, String(template)]);
  }
  if (headers.every(([, template]) => templateFields(template).length === 0)) {
    details.push({ path, message: 'must use a credential field, as in {api_key}' });
  }
  return { headers: Object.fromEntries(headers) };
}

export function readQueryParamConfig(config: Config, details: ErrorDetail[]): QueryParamConfig {
  checkNames(config, ['param_name', 'credential_field'], details);
  return {
    param_name: readText(config, 'param_name', null, checkParameterName, details),
    credential_field: readText(config, 'credential_field', 'api_key', checkFieldName, details),
  };
}

export function readPathConfig(config: Config, details: ErrorDetail[]): void {
  checkNames(config, [], details);
}

export function readBasicAuthConfig(config: Config, details: ErrorDetail[]): BasicAuthConfig {
  checkNames(config, ['username_field', 'password_field'], details);
  return {
    username_field: readText(config, 'username_field', 'username', checkFieldName, details),
    password_field: readText(config, 'password_field', 'password', checkFieldName, details),
  };
}

export function readHmacPayloadConfig(config: Config, details: ErrorDetail[]): HmacPayloadConfig {
  checkNames(config, ['header_name', 'secret_field', 'algo', 'encoding'], details);
  return {
    header_name: readText(config, 'header_name', null, checkHeaderName, details),
    secret_field: readText(config, 'secret_field', 'api_secret', checkFieldName, details),
    algo: readChoice(config, 'algo', 'sha256', hmacAlgorithms, details),
    encoding: readChoice(config, 'encoding', 'hex', hmacEncodings, details),
  };
}

export function readAwsSigv4Config(config: Config, details: ErrorDetail[]): AwsSigv4Config {
  checkNames(config, ['region', 'service'], details);
  return {
    region: readText(config, 'region', 'us-east-1', checkScopePart, details),
    service: readText(config, 'service', null, checkScopePart, details),
  };
}

function checkNames(config: Config, known: readonly string[], details: ErrorDetail[]): void {
  for (const name of Object.keys(config)) {
    if (known.includes(name)) continue;
    details.push({
      path: `auth_strategy.config.${name.slice(0, 64)}`,
      message: 'is not a known option of this strategy',
    });
  }
}

function readText(
  config: Config,
  name: string,
  byDefault: string | null,
  check: Check,
  details: ErrorDetail[],
): string {
  const value = config[name] ?? byDefault;
  const path = `auth_strategy.config.${name}`;
  if (value === null) details.push({ path, message: 'is required' });
  else if (typeof value !== 'string') details.push({ path, message: 'must be a string' });
  else {
    const problem = check(value);
    if (problem !== null) details.push({ path, message: problem });
    return value;
  }
  return '';
}

function readChoice<T extends string>(
  config: Config,
  name: string,
  byDefault: T,
  choices: readonly T[],
  details: ErrorDetail[],
): T {
  const value = config[name] ?? byDefault;
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) {
    details.push({ path: `auth_strategy.config.${name}`, message: `must be one of ${choices.join(', ')}` });
  }
  return choice ?? byDefault;
}

function checkHeaderName(name: string): string | null {
  // RFC 9110 section 5.1: a field name is a token.
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name)) return 'must be a header name of at most 128 characters';
  return forbiddenHeaders.has(name.toLowerCase()) ? 'is a header that the connection itself controls' : null;
}

function checkHeaderText(text: string): string | null {
  return /^[\x20-\x7e]{0,256}$/.test(text) ? null : 'must be printable ASCII of at most 256 characters';
}

function checkTemplate(template: unknown): string | null {
  if (typeof template !== 'string') return 'must be a string';
  if (template.length > maxTemplateLength || !/^[\x20-\x7e]+$/.test(template)) {
    return `must be printable ASCII of 1 to ${maxTemplateLength} characters`;
  }
  if (/[{}]/.test(template.replace(placeholder, ''))) return 'has a brace without its partner';
  const wrong = templateFields(template).some((name) => !isCredentialFieldName(name));
  return wrong ? 'may hold only credential fields in braces' : null;
}

function checkFieldName(name: string): string | null {
  return isCredentialFieldName(name) ? null : 'must be a field name: a letter, then letters, digits, _ or -';
}

function checkParameterName(name: string): string | null {
  return /^[A-Za-z0-9_.~$[\]-]{1,128}$/.test(name) ? null : 'must be a query parameter name of at most 128 characters';
}

function checkScopePart(name: string): string | null {
  return /^[a-z0-9-]{1,64}$/.test(name) ? null : 'must be lower-case letters, digits and hyphens';
}
