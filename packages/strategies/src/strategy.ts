import { type ErrorDetail, NexusError } from '@nexus/core/errors';
import {
  type AwsSigv4Config,
  type BasicAuthConfig,
  type HeaderConfig,
  type HeadersConfig,
  type HmacPayloadConfig,
  type QueryParamConfig,
  readAwsSigv4Config,
  readBasicAuthConfig,
  readHeaderConfig,
  readHeadersConfig,
  readHmacPayloadConfig,
  readPathConfig,
  readQueryParamConfig,
  templateFields,
} from './strategy-config.js';

/** Every way of attaching a credential to a request. */
export const strategyTypes = [
  'oauth2',
  'header',
  'headers',
  'query_param',
  'path',
  'basic_auth',
  'hmac_payload',
  'aws_sigv4',
] as const;
export type StrategyType = (typeof strategyTypes)[number];

/** A strategy with every default filled in, in the form the credential answer shows it. */
export type Strategy =
  | { readonly type: 'oauth2' }
  | { readonly type: 'header'; readonly config: HeaderConfig }
  | { readonly type: 'headers'; readonly config: HeadersConfig }
  | { readonly type: 'query_param'; readonly config: QueryParamConfig }
  | { readonly type: 'path'; readonly config: { readonly [name: string]: never } }
  | { readonly type: 'basic_auth'; readonly config: BasicAuthConfig }
  | { readonly type: 'hmac_payload'; readonly config: HmacPayloadConfig }
  | { readonly type: 'aws_sigv4'; readonly config: AwsSigv4Config };

type Config = NonNullable<StoredStrategy['config']>;

/** A strategy as it was stored or received: the same shape, not yet known to be valid. */
export interface StoredStrategy {
  readonly type: string;
  readonly config?: { readonly [name: string]: unknown };
}

/** Which fields of a credential a strategy uses. */
export interface StrategyFields {
  /** Fields without which the strategy cannot work. */
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** True where the strategy may name any field, so that it uses every one there is. */
  readonly any: boolean;
}

const unknownType: ErrorDetail = { path: 'auth_strategy.type', message: `must be one of ${strategyTypes.join(', ')}` };

const namesakes: { readonly [authType: string]: StrategyType } = {
  oauth2: 'oauth2',
  api_key: 'header',
  header: 'header',
  query_param: 'query_param',
  basic_auth: 'basic_auth',
  hmac_payload: 'hmac_payload',
  aws_sigv4: 'aws_sigv4',
};

/**
 * The strategy of a provider. An `authType` of `api_key` takes any static strategy and is a `Bearer` header without
 * one; the other static types take the strategy of their own name, `headers` or `path`; `oauth2` takes no other.
 * A strategy this function returned is accepted again unchanged.
 *
 * @throws NexusError `invalid_request` with details below `auth_strategy` for a type, name or value that is not
 *   allowed. Control characters, hop-by-hop headers, `Host` and everything that is not a field name of RFC 9110 are refused.
 */
export function resolveStrategy(authType: string, authStrategy: unknown): Strategy {
  const namesake = Object.hasOwn(namesakes, authType) ? namesakes[authType] : undefined;
  if (namesake === undefined) throw refuse([{ path: 'auth_type', message: 'is not a known authentication type' }]);
  if (authStrategy === undefined || authStrategy === null) {
    const config = authType === 'api_key' ? { value_prefix: 'Bearer ' } : {};
    return readStrategy({ type: namesake, config });
  }
  const details: ErrorDetail[] = [];
  const input = readInput(authStrategy, details);
  if (input === null) throw refuse(details);
  if (!isAllowed(authType, namesake, input.type)) {
    throw refuse([{ path: 'auth_strategy.type', message: `does not go with the auth_type ${authType}` }]);
  }
  return readStrategy(input);
}

/**
 * The strategy behind a stored one, checked again: a value that was changed in storage is refused at use (S-10).
 *
 * @throws NexusError `invalid_request` as `resolveStrategy` does.
 */
export function readStrategy({ type, config = {} }: StoredStrategy): Strategy {
  const details: ErrorDetail[] = [];
  const strategy = readByType(type, config, details);
  if (strategy === null) details.push(unknownType);
  if (details.length > 0 || strategy === null) throw refuse(details);
  return strategy;
}

/**
 * The allow list of a token answer: of the fields a credential has, those the strategy hands out. Every other stays in
 * the Broker.
 *
 * @throws NexusError `invalid_request` for a stored strategy that is not valid.
 */
export function credentialFields(stored: StoredStrategy, present: readonly string[]): string[] {
  const used = describeFields(readStrategy(stored));
  return present.filter((name) => used.any || used.required.includes(name) || used.optional.includes(name));
}

/** What a strategy needs, may use, and whether it may use anything. */
export function describeFields(strategy: Strategy): StrategyFields {
  switch (strategy.type) {
    case 'oauth2':
      return listFields(['access_token'], ['token_type', 'expires_at']);
    case 'header':
    case 'query_param':
      return listFields([strategy.config.credential_field], []);
    case 'headers':
      return listFields(Object.values(strategy.config.headers).flatMap(templateFields), []);
    case 'path':
      return { required: [], optional: [], any: true };
    case 'basic_auth':
      return listFields([strategy.config.username_field], [strategy.config.password_field]);
    case 'hmac_payload':
      return listFields([strategy.config.secret_field], []);
    case 'aws_sigv4':
      return listFields(['access_key', 'secret_key'], ['session_token']);
  }
}

function listFields(required: readonly string[], optional: readonly string[]): StrategyFields {
  const needed = [...new Set(required)];
  return { required: needed, optional: optional.filter((name) => !needed.includes(name)), any: false };
}

function isAllowed(authType: string, namesake: StrategyType, type: string): boolean {
  if (authType === 'oauth2' || type === 'oauth2') return authType === 'oauth2' && type === 'oauth2';
  return authType === 'api_key' || type === namesake || type === 'headers' || type === 'path';
}

function readInput(value: unknown, details: ErrorDetail[]): Required<StoredStrategy> | null {
  if (!isObject(value)) {
    details.push({ path: 'auth_strategy', message: 'must be an object with type and config' });
    return null;
  }
  for (const name of Object.keys(value)) {
    if (name !== 'type' && name !== 'config') {
      details.push({ path: `auth_strategy.${name.slice(0, 64)}`, message: 'is not a known field' });
    }
  }
  const type = value['type'];
  const config = value['config'] ?? {};
  const isKnown = strategyTypes.some((known) => known === type);
  if (!isKnown) details.push(unknownType);
  if (!isObject(config)) details.push({ path: 'auth_strategy.config', message: 'must be an object' });
  return details.length === 0 && typeof type === 'string' && isObject(config) ? { type, config } : null;
}

function readByType(type: string, config: Config, details: ErrorDetail[]): Strategy | null {
  switch (type) {
    case 'oauth2':
      readPathConfig(config, details);
      return { type };
    case 'header':
      return { type, config: readHeaderConfig(config, details) };
    case 'headers':
      return { type, config: readHeadersConfig(config, details) };
    case 'query_param':
      return { type, config: readQueryParamConfig(config, details) };
    case 'path':
      readPathConfig(config, details);
      return { type, config: {} };
    case 'basic_auth':
      return { type, config: readBasicAuthConfig(config, details) };
    case 'hmac_payload':
      return { type, config: readHmacPayloadConfig(config, details) };
    case 'aws_sigv4':
      return { type, config: readAwsSigv4Config(config, details) };
    default:
      return null;
  }
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(details: readonly ErrorDetail[]): NexusError {
  const names = details.map((detail) => detail.path).join(', ');
  return new NexusError('invalid_request', `The strategy is not valid: ${names}.`, { details });
}
