/** Provider profiles of v1, section 6. Writes are judged by the Broker's domain, which names each wrong field. */
import { z } from '@hono/zod-openapi';

const openObject = z.record(z.string(), z.unknown()).openapi({ type: 'object', additionalProperties: true });

const authTypes = ['oauth2', 'api_key', 'basic_auth', 'header', 'query_param', 'hmac_payload', 'aws_sigv4'] as const;
const AuthType = z.enum(authTypes).openapi('AuthType');

const inputsDescription =
  'What people give for one connection, as `inputs` of a connection request; one without `default` is required.';

const Inputs = z
  .record(
    z.string(),
    z.object({
      title: z.string(),
      description: z.string().nullable(),
      pattern: z.string().nullable().openapi({ description: 'A regular expression the whole value matches.' }),
      options: z.array(z.string()).openapi({ description: 'The only values there are; empty: any.' }),
      default: z.string().nullable(),
      allowed_hosts: z.array(z.string()).openapi({
        description: 'Of a value that names a host: the hosts it may be, or, with a dot before, ends of them.',
      }),
    }),
  )
  .openapi('ProviderInputs', {
    description: inputsDescription,
    example: {
      subdomain: {
        title: 'Subdomain of Acme',
        description: null,
        pattern: '[a-z0-9-]+',
        options: [],
        default: null,
        allowed_hosts: [],
      },
    },
  });

const idExample = '01JA5M0000000000000000ACME';

/** An id that cannot be one is an unknown id. */
export const ProviderIdParam = z.object({
  id: z.string().openapi({ param: { name: 'id', in: 'path' }, description: 'The provider id.', example: idExample }),
});

export const Provider = z
  .object({
    id: z.string(),
    name: z.string(),
    display_name: z.string(),
    description: z.string().nullable(),
    category: z.string().nullable(),
    logo_url: z.string().nullable(),
    docs_url: z.string().nullable(),
    auth_type: AuthType,
    client_id: z.string().nullable(),
    client_secret_set: z.boolean().openapi({ description: 'Whether a client secret is stored; it is never shown.' }),
    issuer: z.string().nullable(),
    enable_discovery: z.boolean(),
    auth_url: z.string().nullable(),
    token_url: z.string().nullable(),
    refresh_url: z.string().nullable(),
    user_info_endpoint: z.string().nullable(),
    revocation_endpoint: z.string().nullable(),
    introspection_endpoint: z.string().nullable(),
    scopes: z.array(z.string()),
    scope_separator: z.string(),
    scope_param: z.string(),
    pkce: z.enum(['required', 'supported', 'refused']),
    token_endpoint_auth_method: z.enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none']),
    api_base_url: z.string().nullable(),
    allowed_origins: z.array(z.string()),
    inputs: Inputs,
    credential_schema: openObject.nullable(),
    auth_strategy: z.object({ type: z.string(), config: openObject.optional() }).nullable(),
    probe: openObject.nullable(),
    params: openObject,
    param_names: openObject,
    iss_expected: z.boolean(),
    token_request: openObject,
    upgrade: openObject.nullable(),
    token_answer: openObject,
    refresh: openObject,
    errors: openObject,
    retry_headers: z.array(z.string()),
    revoke: openObject,
    account: openObject,
    downscope: openObject.nullable(),
    allow_wider_token: z.boolean(),
    expose_id_token: z.boolean(),
    template: z
      .object({ name: z.string(), digest: z.string(), overrides: z.array(z.string()) })
      .nullable()
      .openapi({
        description: 'The shipped template it was made from, by its digest, and the fields given beside it.',
      }),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .openapi('Provider', {
    example: {
      id: idExample,
      name: 'acme',
      display_name: 'Acme',
      description: null,
      category: 'crm',
      logo_url: null,
      docs_url: 'https://docs.acme.example',
      auth_type: 'oauth2',
      client_id: 'nexus',
      client_secret_set: true,
      issuer: 'https://login.acme.example',
      enable_discovery: true,
      auth_url: null,
      token_url: null,
      refresh_url: null,
      user_info_endpoint: null,
      revocation_endpoint: null,
      introspection_endpoint: null,
      scopes: ['openid', 'email'],
      scope_separator: ' ',
      scope_param: 'scope',
      pkce: 'required',
      token_endpoint_auth_method: 'client_secret_basic',
      api_base_url: 'https://api.acme.example',
      allowed_origins: [],
      inputs: {},
      credential_schema: null,
      auth_strategy: { type: 'oauth2' },
      probe: null,
      params: {},
      param_names: {},
      iss_expected: false,
      token_request: {},
      upgrade: null,
      token_answer: {},
      retry_headers: [],
      revoke: { kills: 'unknown' },
      account: {},
      downscope: null,
      refresh: { rotation: null, grace_seconds: null, idle_lifetime: null, concurrency: 8, calls_per_second: 20 },
      errors: {},
      allow_wider_token: false,
      expose_id_token: false,
      template: null,
      created_at: '2026-05-01T12:00:00.000Z',
      updated_at: '2026-05-01T12:00:00.000Z',
    },
  });

export const ProviderList = z.array(Provider).openapi('ProviderList');

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const texts = { type: 'array', items: text } as const;
const anyObject = { type: 'object', additionalProperties: true } as const;

/** Documentation of the writable fields; the rules behind them are the Broker's. */
const writableFields = {
  name: { ...text, pattern: '^[a-z0-9][a-z0-9-]{0,62}$' },
  display_name: text,
  description: text,
  category: text,
  logo_url: text,
  docs_url: text,
  auth_type: { ...text, enum: [...authTypes] },
  client_id: text,
  client_secret: { oneOf: [text, texts], description: 'Write only; a list means: try in order.' },
  issuer: text,
  enable_discovery: flag,
  auth_url: text,
  token_url: text,
  refresh_url: { ...text, description: 'Where refreshes go, when not to `token_url`.' },
  user_info_endpoint: text,
  revocation_endpoint: text,
  introspection_endpoint: text,
  scopes: texts,
  scope_separator: text,
  scope_param: { ...text, description: 'The parameter that carries the scopes; default `scope`.' },
  pkce: { ...text, enum: ['required', 'supported', 'refused'] },
  token_endpoint_auth_method: { ...text, description: 'Alias: `auth_header`.' },
  auth_header: text,
  api_base_url: text,
  allowed_origins: texts,
  inputs: { ...anyObject, description: inputsDescription },
  credential_schema: anyObject,
  auth_strategy: anyObject,
  probe: anyObject,
  params: { ...anyObject, description: 'Extra authorization parameters; never a protocol parameter.' },
  param_names: { ...anyObject, description: 'Other names of protocol parameters; an empty one leaves it out.' },
  iss_expected: { ...flag, description: 'The authorization response must carry `iss` (RFC 9207).' },
  token_request: { ...anyObject, description: 'How the token endpoint is called.' },
  upgrade: {
    ...anyObject,
    description: 'A second call that turns the token of the code exchange into the one to keep.',
  },
  token_answer: { ...anyObject, description: 'How an answer of the token endpoint is read.' },
  retry_headers: { ...texts, description: 'Headers that are read like `Retry-After`.' },
  revoke: { ...anyObject, description: 'How a token is revoked, and what else that ends.' },
  account: { ...anyObject, description: 'Whose account it is, and values the provider tells once.' },
  downscope: {
    ...anyObject,
    description: 'How the provider mints a narrower token: `{ "via": "refresh" }` or `{ "via": "token_exchange" }`.',
  },
  refresh: {
    ...anyObject,
    description:
      'How refresh tokens live: `rotation` (`never`, `always`, `sometimes`, `strict`), `grace_seconds`, `idle_lifetime` in seconds, `concurrency` and `calls_per_second` of the token endpoint.',
  },
  errors: {
    ...anyObject,
    description: 'Error codes of the provider, each `final`, `transient`, `configuration` or `throttled`.',
  },
  allow_wider_token: flag,
  expose_id_token: flag,
  template: {
    ...text,
    description: 'A shipped template: its fields hold, each replaced whole by a field of the same name.',
  },
};

const profileExample = {
  name: 'acme',
  auth_type: 'oauth2',
  issuer: 'https://login.acme.example',
  client_id: 'nexus',
  client_secret: 'fixture-client-secret',
  scopes: ['openid', 'email'],
};

export const ProviderInput = z.record(z.string(), z.unknown()).openapi('ProviderInput', {
  type: 'object',
  description:
    'The profile itself, or the profile under `profile`. Unknown fields are refused. With `template` only what differs.',
  properties: { ...writableFields, profile: { type: 'object', properties: writableFields } },
  example: profileExample,
});

export const ProviderPatch = z.record(z.string(), z.unknown()).openapi('ProviderPatch', {
  type: 'object',
  description:
    "The fields to change; null gives one its default back, or the template's value. The result is validated as a whole.",
  properties: writableFields,
  example: { scopes: ['openid', 'email', 'profile'] },
});

export const ProviderDeleted = z
  .object({ id: z.string(), deleted: z.literal(true), connections: z.number().int() })
  .openapi('ProviderDeleted', { example: { id: idExample, deleted: true, connections: 0 } });

const ProviderCard = z
  .object({
    id: z.string(),
    display_name: z.string(),
    description: z.string().nullable(),
    category: z.string().nullable(),
    api_base_url: z.string().nullable(),
    user_info_endpoint: z.string().nullable(),
    scopes: z.array(z.string()),
    logo_url: z.string().nullable(),
    docs_url: z.string().nullable(),
    credential_schema: openObject.optional(),
    inputs: Inputs.optional(),
  })
  .openapi('ProviderCard');

export const ProviderMetadata = z.record(z.string(), z.record(z.string(), ProviderCard)).openapi('ProviderMetadata', {
  description: 'By `auth_type`, then by provider name: what a frontend needs to draw a list of things to connect.',
  example: {
    oauth2: {
      acme: {
        id: idExample,
        display_name: 'Acme',
        description: null,
        category: 'crm',
        api_base_url: 'https://api.acme.example',
        user_info_endpoint: null,
        scopes: ['openid', 'email'],
        logo_url: null,
        docs_url: 'https://docs.acme.example',
      },
    },
  },
});

export type Provider = z.infer<typeof Provider>;
export type ProviderCard = z.infer<typeof ProviderCard>;
export type ProviderMetadata = z.infer<typeof ProviderMetadata>;
export type ProviderDeleted = z.infer<typeof ProviderDeleted>;
