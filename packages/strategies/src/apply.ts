import { createHmac } from 'node:crypto';
import { type ErrorDetail, NexusError } from '@nexus/core/errors';
import { signAwsRequest } from './aws-sigv4.js';
import { setHeader } from './header-map.js';
import { describeFields, readStrategy, type StoredStrategy, type Strategy } from './strategy.js';
import type { HmacPayloadConfig } from './strategy-config.js';

/** An HTTP request as data. `url` is absolute; only for the `path` strategy may it hold `{field}` placeholders. */
export interface StrategyRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: Uint8Array | string | null;
}

export interface ApplyInput {
  readonly strategy: StoredStrategy;
  readonly credentials: { readonly [name: string]: string };
  readonly request: StrategyRequest;
  /** Milliseconds since the Unix epoch; only signatures use it. */
  readonly now: number;
}

/**
 * The request with the credential attached. Headers and query parameters of the same name are replaced, in any
 * letter case, and a `Host` header is dropped; the given request is left as it was.
 *
 * @throws NexusError `invalid_request`, with details below `auth_strategy` for a strategy that is not valid, below `credentials` when a value is missing or holds something
 *   the strategy cannot carry, such as a control character in a header (S-10); with details at `url` for a URL that
 *   is not absolute http or https. No message ever holds a value.
 */
export function applyStrategy(input: ApplyInput): StrategyRequest {
  const strategy = readStrategy(input.strategy);
  const { credentials } = input;
  const details = checkCredentialValues(strategy, credentials);
  if (details.length > 0) throw refuse('The credential cannot be used with this strategy.', details);
  // RFC 9110 section 7.2: the Host field follows from the URL, never from the caller.
  const headers = Object.fromEntries(
    Object.entries(input.request.headers).filter(([name]) => name.toLowerCase() !== 'host'),
  );
  const url = readUrl(input.request.url);
  const request = { ...input.request, headers };
  switch (strategy.type) {
    case 'oauth2':
      return withHeader(
        request,
        'Authorization',
        `${readTokenType(credentials)} ${readValue(credentials, 'access_token')}`,
      );
    case 'header': {
      const { header_name: name, credential_field: field, value_prefix: prefix } = strategy.config;
      return withHeader(request, name, `${prefix}${readValue(credentials, field)}`);
    }
    case 'headers':
      return Object.entries(strategy.config.headers).reduce(
        (result, [name, template]) => withHeader(result, name, fillTemplate(template, credentials)),
        request,
      );
    case 'query_param': {
      const { param_name: name, credential_field: field } = strategy.config;
      return { ...request, url: setQueryParameter(url, name, readValue(credentials, field)) };
    }
    case 'path':
      return { ...request, url: fillUrl(url, credentials) };
    case 'basic_auth': {
      const user = readValue(credentials, strategy.config.username_field);
      const password = readValue(credentials, strategy.config.password_field);
      // RFC 7617 section 2, with UTF-8 as its section 2.1 recommends.
      const pair = Buffer.from(`${user}:${password}`, 'utf8').toString('base64');
      return withHeader(request, 'Authorization', `Basic ${pair}`);
    }
    case 'hmac_payload':
      return withHeader(request, strategy.config.header_name, signBody(strategy.config, credentials, request.body));
    case 'aws_sigv4':
      return signAwsRequest({ config: strategy.config, credentials, request, url, now: input.now });
  }
}

/** Every reason why these values cannot be used with the strategy; none for a credential that `applyStrategy` takes. */
export function checkCredentialValues(
  stored: StoredStrategy,
  credentials: { readonly [name: string]: string },
): ErrorDetail[] {
  const strategy = readStrategy(stored);
  const fields = describeFields(strategy);
  const details: ErrorDetail[] = [];
  for (const name of fields.required) {
    if (readValue(credentials, name) === '') details.push({ path: `credentials.${name}`, message: 'is required' });
  }
  const used = fields.any ? Object.keys(credentials) : [...fields.required, ...fields.optional];
  for (const name of used) {
    const problem = checkValue(strategy, name, readValue(credentials, name));
    if (problem !== null) details.push({ path: `credentials.${name}`, message: problem });
  }
  return details;
}

function checkValue(strategy: Strategy, name: string, value: unknown): string | null {
  if (strategy.type === 'oauth2' && name !== 'access_token') return null;
  if (typeof value !== 'string') return 'must be a string';
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)) return 'may not contain control characters or line breaks';
  switch (strategy.type) {
    case 'oauth2':
    case 'header':
    case 'headers':
    case 'aws_sigv4':
      // RFC 9110 section 5.5: newly defined fields keep their values to visible ASCII, space and tab.
      return /^[\x20-\x7e]*$/.test(value) ? null : 'may contain only printable ASCII characters';
    case 'basic_auth': {
      // RFC 7617 section 2: the first colon ends the user-id.
      const isUser = name === strategy.config.username_field;
      return isUser && value.includes(':') ? 'may not contain a colon' : null;
    }
    case 'query_param':
    case 'path':
    case 'hmac_payload':
      return null;
  }
}

function readValue(credentials: { readonly [name: string]: string }, name: string): string {
  return Object.hasOwn(credentials, name) ? (credentials[name] ?? '') : '';
}

/** What stands before an OAuth token: Bearer (RFC 6750 section 2.1), or the word a provider has instead. */
function readTokenType(credentials: { readonly [name: string]: unknown }): string {
  const type = Object.hasOwn(credentials, 'token_type') ? credentials['token_type'] : undefined;
  const isWord = typeof type === 'string' && /^[A-Za-z][A-Za-z0-9._-]{0,63}$/.test(type);
  return isWord && type.toLowerCase() !== 'bearer' ? type : 'Bearer';
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isWeb = url !== null && (url.protocol === 'https:' || url.protocol === 'http:');
  if (!isWeb || url.username !== '' || url.password !== '') {
    throw refuse('The request cannot be sent.', [
      { path: 'url', message: 'must be an absolute http or https URL without user information' },
    ]);
  }
  return url;
}

function withHeader(request: StrategyRequest, name: string, value: string): StrategyRequest {
  return { ...request, headers: setHeader(request.headers, name, value) };
}

/** Fills every placeholder in one pass, so that a value that looks like a placeholder stays a value. */
function fillTemplate(template: string, credentials: ApplyInput['credentials']): string {
  return template.replace(/\{([^{}]*)\}/g, (_whole, name: string) => readValue(credentials, name));
}

function setQueryParameter(url: URL, name: string, value: string): string {
  const kept = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && !isNamed(pair, name));
  url.search = [...kept, `${encodeURIComponent(name)}=${encodeURIComponent(value)}`].join('&');
  return url.href;
}

function isNamed(pair: string, name: string): boolean {
  return [...new URLSearchParams(pair).keys()].includes(name);
}

function fillUrl(url: URL, credentials: ApplyInput['credentials']): string {
  let filled = 0;
  const fill = (text: string, encode: (value: string) => string): string =>
    // The URL parser has written the braces of a path as %7B and %7D.
    text.replace(/(?:\{|%7B)([A-Za-z][A-Za-z0-9_-]*)(?:\}|%7D)/gi, (_whole, name: string) => {
      const value = readValue(credentials, name);
      if (value === '') throw refuseUrl(`needs the credential field ${name}`);
      filled += 1;
      return encode(value);
    });
  const path = fill(url.pathname, encodePathValue);
  const query = fill(url.search, encodeURIComponent);
  if (filled === 0) throw refuseUrl('holds no placeholder for the credential');
  const result = new URL(`${url.origin}${path}${query}`);
  // A value such as `..` must not lead the request to another resource (RFC 3986 section 5.2.4).
  if (result.pathname !== path) throw refuseUrl('would be changed by a credential field');
  return result.href;
}

function encodePathValue(value: string): string {
  // RFC 3986 section 3.3: both stand for themselves in a path, and some services compare them unencoded.
  return encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%40', '@');
}

function signBody(
  config: HmacPayloadConfig,
  credentials: ApplyInput['credentials'],
  body: StrategyRequest['body'],
): string {
  const secret = readValue(credentials, config.secret_field);
  return createHmac(config.algo, secret)
    .update(body ?? '')
    .digest(config.encoding);
}

function refuseUrl(message: string): NexusError {
  return refuse('The request cannot be sent.', [{ path: 'url', message }]);
}

function refuse(message: string, details: readonly ErrorDetail[]): NexusError {
  return new NexusError('invalid_request', message, { details });
}
