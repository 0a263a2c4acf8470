/** Wire schemas of the provider resource, `/admin/v1/providers`. Field rules live in the Broker's domain. */
import { z } from '@hono/zod-openapi';

const jsonObject = z.record(z.string(), z.unknown());

/** What people give for one connection, such as a subdomain; one without default is required. */
const Inputs = z.record(
  z.string(),
  z.object({
    title: z.string(),
    description: z.string().nullable(),
    pattern: z.string().nullable(),
    options: z.array(z.string()),
    default: z.string().nullable(),
    allowed_hosts: z.array(z.string()),
  }),
);

const profileFields = {
  name: z.string().openapi({ example: 'acme' }),
  display_name: z.string(),
  description: z.string().nullable(),
  category: z.string().nullable(),
  logo_url: z.string().nullable(),
  docs_url: z.string().nullable(),
  auth_type: z.enum(['oauth2', 'api_key', 'basic_auth', 'header', 'query_param', 'hmac_payload', 'aws_sigv4']),
  client_id: z.string().nullable(),
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
  credential_schema: jsonObject.nullable(),
  auth_strategy: z.object({ type: z.string(), config: jsonObject.optional() }).nullable(),
  probe: jsonObject.nullable(),
  params: jsonObject,
  param_names: jsonObject,
  iss_expected: z.boolean(),
  token_request: jsonObject,
  upgrade: jsonObject.nullable(),
  token_answer: jsonObject,
  refresh: jsonObject,
  errors: jsonObject,
  retry_headers: z.array(z.string()),
  revoke: jsonObject,
  account: jsonObject,
  downscope: jsonObject.nullable(),
  allow_wider_token: z.boolean(),
  expose_id_token: z.boolean(),
  client_secret_set: z.boolean(),
  /** The shipped template it was made from, and the fields that were given beside it. */
  template: z.object({ name: z.string(), digest: z.string(), overrides: z.array(z.string()) }).nullable(),
};

export const ProviderProfile = z
  .object({
    id: z.string(),
    ...profileFields,
    version: z.number().int(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .openapi('ProviderProfile');

/** The profile itself, or `{ "profile": { … } }`. Documented here, judged by the Broker's domain. */
export const ProviderInput = z.record(z.string(), z.unknown()).openapi('ProviderInput', {
  description:
    'A provider profile, bare or under `profile`; `client_secret` is write-only. `template` names a shipped template, whose fields hold where the body says nothing.',
  example: {
    name: 'acme',
    auth_type: 'oauth2',
    issuer: 'https://login.acme.example',
    client_id: 'nexus',
    client_secret: 'fixture-client-secret',
    scopes: ['openid', 'email'],
  },
});

export const ProviderPreview = z
  .object({
    profile: z.object(profileFields),
    client_secret: z.enum(['set', 'unset', 'changed', 'unchanged']).openapi({
      description:
        'What becomes of the stored client secret; `set` where none was stored before, `unset` where it is removed.',
    }),
    current: ProviderProfile.nullable().openapi({ description: 'The live provider of that name.' }),
  })
  .openapi('ProviderPreview');

export const ProviderList = z.array(ProviderProfile).openapi('ProviderList');

export const ProviderMetadata = z
  .record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        id: z.string(),
        display_name: z.string(),
        description: z.string().nullable(),
        category: z.string().nullable(),
        api_base_url: z.string().nullable(),
        user_info_endpoint: z.string().nullable(),
        scopes: z.array(z.string()),
        logo_url: z.string().nullable(),
        docs_url: z.string().nullable(),
        credential_schema: jsonObject.optional(),
        inputs: Inputs.optional(),
      }),
    ),
  )
  .openapi('ProviderMetadata');

export const ProviderDeleted = z
  .object({ id: z.string(), deleted: z.literal(true), connections: z.number().int() })
  .openapi('ProviderDeleted');

export const ProviderRebind = z
  .strictObject({ from_origin: z.string().min(1).max(512), to_origin: z.string().min(1).max(512) })
  .openapi('ProviderRebind');

export const ProviderRebound = z
  .object({ id: z.string(), connections: z.number().int(), reactivated: z.number().int() })
  .openapi('ProviderRebound');

export type ProviderProfile = z.infer<typeof ProviderProfile>;
export type ProviderInput = z.infer<typeof ProviderInput>;
export type ProviderPreview = z.infer<typeof ProviderPreview>;
export type ProviderList = z.infer<typeof ProviderList>;
export type ProviderMetadata = z.infer<typeof ProviderMetadata>;
export type ProviderDeleted = z.infer<typeof ProviderDeleted>;
