import { type FieldReader, isJsonObject, toPathPart } from './field-reader.js';
import type { ProfileContext } from './profile-context.js';
import { readErrorMap } from './profile-errors.js';
import {
  type ClientAuthenticationMethod,
  clientAuthenticationMethods,
  downscopeMethods,
  type ProviderProfile,
} from './provider.js';

/** What Nexus itself puts into an authorization request (H9); compared in lower case. */
export const reservedParameters = [
  'redirect_uri',
  'state',
  'nonce',
  'scope',
  'client_id',
  'response_type',
  'response_mode',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
] as const;

/** Secrets that an authorization URL, which passes through a browser, must never carry. */
const secretParameters = ['client_secret', 'client_assertion', 'code_verifier', 'refresh_token', 'access_token'];
const maxSecrets = 5;
const maxScopes = 100;
const maxParams = 30;

export function isReservedParameter(name: string): boolean {
  const lower = name.trim().toLowerCase();
  return reservedParameters.some((reserved) => reserved === lower);
}

/** New client secrets in the order they are tried; empty when they are to be removed, null when none were named. */
export function readClientSecrets(fields: FieldReader): string[] | null {
  const value = fields.get('client_secret');
  if (value === undefined) return null;
  if (value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length < 1 || list.length > maxSecrets) {
    fields.refuse('client_secret', `must be a string or a list of 1 to ${maxSecrets} strings`);
    return null;
  }
  const secrets: string[] = [];
  for (const [index, secret] of list.entries()) {
    const path = Array.isArray(value) ? `client_secret[${index}]` : 'client_secret';
    if (typeof secret === 'string' && isSecretText(secret)) secrets.push(secret);
    else fields.refuse(path, 'must be 1 to 4096 printable ASCII characters');
  }
  if (new Set(secrets).size !== secrets.length) fields.refuse('client_secret', 'must not name anything twice');
  return secrets;
}

/** RFC 6749 appendix A.2: client-secret = *VSCHAR. The private key of a client has lines (RFC 7468). */
function isSecretText(text: string): boolean {
  const isKey = /^-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]{1,8000}-----END PRIVATE KEY-----\s*$/.test(text);
  return isKey || /^[\x20-\x7e]{1,4096}$/.test(text);
}

/** `auth_header` is another name of `token_endpoint_auth_method`; whoever sends both has to mean the same. */
export function readClientAuthentication(fields: FieldReader, hasSecret: boolean): ClientAuthenticationMethod {
  const method = fields.choice('token_endpoint_auth_method', clientAuthenticationMethods);
  const alias = fields.choice('auth_header', clientAuthenticationMethods);
  if (method !== null && alias !== null && method !== alias) {
    fields.refuse('auth_header', 'contradicts token_endpoint_auth_method');
  }
  return method ?? alias ?? (hasSecret ? 'client_secret_basic' : 'none');
}

export function checkClient(fields: FieldReader, method: ClientAuthenticationMethod, hasSecret: boolean): void {
  if (!fields.has('client_id')) fields.refuse('client_id', 'is required for oauth2');
  if (method !== 'none' && !hasSecret) fields.refuse('client_secret', `is required for ${method}`);
  if (method === 'none' && hasSecret)
    fields.refuse('client_secret', 'must be null with token_endpoint_auth_method none');
}

export function findClientIdProblem(text: string): string | null {
  // RFC 6749 appendix A.1: client-id = *VSCHAR.
  return /^[\x20-\x7e]{1,512}$/.test(text) ? null : 'must be 1 to 512 printable ASCII characters';
}

type Authorization = Pick<
  ProviderProfile,
  'scopes' | 'scopeSeparator' | 'pkce' | 'params' | 'downscope' | 'errors' | 'allowWiderToken' | 'exposeIdToken'
>;

export function readAuthorization(context: ProfileContext): Authorization {
  const { fields } = context;
  const scopeSeparator = fields.choice('scope_separator', [' ', ',', ';', '|']) ?? ' ';
  return {
    scopes: fields.texts('scopes', maxScopes, (scope) => findScopeProblem(scope, scopeSeparator)) ?? [],
    scopeSeparator,
    pkce: fields.choice('pkce', ['required', 'supported', 'refused']) ?? 'supported',
    params: readParams(context),
    downscope: readRecipe(fields, 'downscope', 'via', downscopeMethods),
    errors: readErrorMap(fields),
    allowWiderToken: fields.flag('allow_wider_token') ?? false,
    exposeIdToken: fields.flag('expose_id_token') ?? false,
  };
}

/** A recipe is an object with one field so far; null where it is left out. */
function readRecipe<T extends string>(fields: FieldReader, recipe: string, field: string, choices: readonly T[]) {
  const given = fields.object(recipe);
  for (const name of Object.keys(given ?? {}).filter((key) => key !== field)) {
    fields.refuse(`${recipe}.${toPathPart(name)}`, 'is not a known field');
  }
  const value = given?.[field];
  if (value === undefined) return null;
  const chosen = choices.find((choice) => choice === value);
  if (chosen !== undefined) return chosen;
  fields.refuse(`${recipe}.${field}`, `must be one of ${choices.map((choice) => `"${choice}"`).join(', ')}`);
  return null;
}

function findScopeProblem(scope: string, separator: string): string | null {
  // RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ).
  if (!/^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/.test(scope)) return 'must be one scope of at most 255 characters';
  return scope.includes(separator) ? 'must not hold the scope_separator' : null;
}

function readParams({ fields, reserved }: ProfileContext): { [name: string]: string } {
  const given = Object.entries(fields.object('params') ?? {});
  if (given.length > maxParams) fields.refuse('params', `must hold at most ${maxParams} parameters`);
  const params: [string, string][] = [];
  for (const [name, value] of given.slice(0, maxParams)) {
    const path = `params.${toPathPart(name)}`;
    if (isReservedParameter(name)) reserved.push(toPathPart(name));
    else if (secretParameters.includes(name.toLowerCase())) fields.refuse(path, 'must never be part of a URL');
    else if (!/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/.test(name)) fields.refuse(path, 'is not a valid parameter name');
    else if (isJsonObject(value) || Array.isArray(value) || value === null) {
      fields.refuse(path, 'must be a string, a number or a boolean');
    } else if (!/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{0,1024}$/u.test(String(value))) {
      fields.refuse(path, 'must be at most 1024 characters without control characters');
    } else params.push([name, String(value)]);
  }
  return Object.fromEntries(params);
}
