/** The fields of a provider profile, by their wire names. What they mean and which go together, the Broker judges. */
import { z } from 'zod';

const text = z.string().min(1).max(1024);
const placeholderName = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/);
const url = z
  .string()
  .max(2048)
  .regex(
    /^(https:\/\/|http:\/\/(localhost|127\.|\[::1\])|\{[a-z][a-z0-9_]*\}(\/|$))[^\s#]*$/,
    'must be an https URL or begin with a placeholder',
  );
const apiUrl = z
  .string()
  .max(2048)
  .regex(
    /^(https:\/\/|http:\/\/(localhost|127\.|\[::1\])|\/|\{[a-z][a-z0-9_]*\}(\/|$))[^\s#]*$/,
    'must be an https URL or a path that begins with /',
  );
const seconds = z.int().min(0).max(315_360_000);
const parameters = z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/), z.string().max(1024));
const headers = z.record(z.string().regex(/^[a-z0-9-]{1,64}$/, 'must be a header name in lower case'), text);
/** Dotted members and indexes, as in `data.0.id`. */
const path = z
  .string()
  .max(256)
  .regex(/^[^\s.]+(\.[^\s.]+)*$/);
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const condition = z.strictObject({ path, equals: scalar });
const separator = z.enum([' ', ',', ';', '|']);
const host = z
  .string()
  .regex(/^\.?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/, 'must be a host name, or a suffix such as .example.com');
const errorClass = z.enum(['final', 'transient', 'configuration', 'throttled']);

const input = z.strictObject({
  title: z.string().min(1).max(80),
  description: z.string().max(500).optional(),
  pattern: text.optional(),
  options: z.array(text).min(1).max(50).optional(),
  default: text.optional(),
  allowed_hosts: z.array(host).min(1).max(20).optional(),
});

const accountValue = {
  from: z.enum(['userinfo', 'token', 'callback']),
  path,
};

const account = z.strictObject({
  request: z
    .strictObject({
      method: z.enum(['GET', 'POST']).optional(),
      url: apiUrl,
      headers: headers.optional(),
      body: z.string().max(4096).optional(),
    })
    .optional(),
  // A person's own browser carries the callback and could change it.
  subject: z.strictObject({ ...accountValue, from: accountValue.from.exclude(['callback']) }).optional(),
  label: z.strictObject(accountValue).optional(),
  values: z
    .record(
      placeholderName,
      z.strictObject({
        ...accountValue,
        pattern: text.optional(),
        allowed_hosts: z.array(host).min(1).max(20).optional(),
        default: z.string().max(512).optional(),
        required: z.boolean().optional(),
      }),
    )
    .optional(),
});

const tokenRequest = z.strictObject({
  body_format: z.enum(['form', 'json']).optional(),
  params: parameters.optional(),
  headers: headers.optional(),
  sends_scope: z.boolean().optional(),
  accept_any_success: z.boolean().optional(),
});

const upgrade = z.strictObject({
  url,
  method: z.enum(['GET', 'POST']).optional(),
  grant_type: text,
  token_param: text,
  client: z.boolean().optional(),
  params: parameters.optional(),
});

const tokenAnswer = z.strictObject({
  body_format: z.enum(['json', 'form']).optional(),
  success_when: condition.optional(),
  error_path: path.optional(),
  paths: z
    .strictObject({
      access_token: path,
      refresh_token: path,
      expires: path,
      scope: path,
      token_type: path,
      id_token: path,
    })
    .partial()
    .optional(),
  expiry_unit: z.enum(['seconds', 'milliseconds', 'iso']).optional(),
  expiry_base: z.enum(['relative', 'absolute']).optional(),
  scope_separator: separator.optional(),
  default_lifetime: seconds.optional(),
  when_expiry_missing: z.enum(['never', 'unknown', 'introspect']).optional(),
  token_type: text.optional(),
});

const refresh = z.strictObject({
  supported: z.boolean().optional(),
  rotation: z.enum(['never', 'always', 'sometimes', 'strict']).optional(),
  grace_seconds: z.int().min(0).max(86_400).optional(),
  idle_lifetime: seconds.min(60).optional(),
  absolute_lifetime: seconds.optional(),
  earliest: seconds.optional(),
  min_age: seconds.optional(),
  margin: seconds.optional(),
  concurrency: z.int().min(1).max(100).optional(),
  calls_per_second: z.int().min(1).max(1000).optional(),
  params: parameters.optional(),
  method: z.enum(['POST', 'GET']).optional(),
  grant_type: text.optional(),
  token_param: text.optional(),
  sends: z.enum(['refresh_token', 'access_token']).optional(),
});

const revoke = z.strictObject({
  kills: z.enum(['token', 'grant', 'unknown']).optional(),
  via: z.enum(['rfc7009', 'http', 'none']).optional(),
  request: z
    .strictObject({
      method: z.enum(['GET', 'POST', 'PUT', 'DELETE']),
      url,
      token: z.enum(['access_token', 'refresh_token']).optional(),
      auth: z.enum(['bearer', 'client_basic', 'client_body', 'none']).optional(),
      body_format: z.enum(['form', 'json', 'none']).optional(),
      params: parameters.optional(),
      headers: headers.optional(),
    })
    .optional(),
});

const paramNames = z
  .strictObject({
    client_id: z.string(),
    client_secret: z.string(),
    response_type: z.string(),
    redirect_uri: z.string(),
    scope: z.string(),
    code: z.string(),
    refresh_token: z.string(),
    grant_type: z.string(),
  })
  .partial();

const probe = z.strictObject({
  method: z.enum(['GET', 'POST', 'HEAD']).optional(),
  path: apiUrl,
  headers: headers.optional(),
  body: z.string().max(4096).optional(),
  accepted_when: condition.optional(),
  refused_when: z
    .strictObject({
      status: z.array(z.int().min(100).max(599)).min(1).optional(),
      path: path.optional(),
      equals: scalar.optional(),
    })
    .optional(),
});

const credentialSchema = z.strictObject({
  type: z.literal('object'),
  title: z.string().max(80).optional(),
  description: z.string().max(500).optional(),
  properties: z.record(
    z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/),
    z.strictObject({
      type: z.literal('string'),
      title: z.string().max(80).optional(),
      description: z.string().max(500).optional(),
      format: z.enum(['password', 'uri', 'email', 'hostname', 'uuid']).optional(),
      pattern: text.optional(),
      minLength: z.int().min(0).optional(),
      maxLength: z.int().min(1).optional(),
      enum: z.array(text).min(1).max(50).optional(),
      default: z.string().max(1024).optional(),
    }),
  ),
  required: z.array(z.string()).optional(),
  additionalProperties: z.literal(false).optional(),
});

/** What a template says about a provider; a profile has the same fields and `clientShape` besides. */
export const profileShape = {
  description: z.string().max(1000).optional(),
  category: z.string().min(1).max(80).optional(),
  docs_url: z.url({ protocol: /^https$/ }).optional(),
  auth_type: z.enum(['oauth2', 'api_key', 'basic_auth', 'header', 'query_param', 'hmac_payload', 'aws_sigv4']),
  issuer: url.optional(),
  enable_discovery: z.boolean().optional(),
  auth_url: url.optional(),
  token_url: url.optional(),
  refresh_url: url.optional(),
  introspection_endpoint: url.optional(),
  user_info_endpoint: apiUrl.optional(),
  revocation_endpoint: url.optional(),
  api_base_url: url.optional(),
  inputs: z.record(placeholderName, input).optional(),
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'none', 'private_key_jwt'])
    .optional(),
  scopes: z.array(z.string().min(1).max(255)).max(100).optional(),
  scope_separator: separator.optional(),
  scope_param: text.optional(),
  pkce: z.enum(['required', 'supported', 'refused']).optional(),
  params: parameters.optional(),
  param_names: paramNames.optional(),
  iss_expected: z.boolean().optional(),
  token_request: tokenRequest.optional(),
  upgrade: upgrade.optional(),
  token_answer: tokenAnswer.optional(),
  refresh: refresh.optional(),
  errors: z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/), errorClass).optional(),
  retry_headers: z
    .array(z.string().regex(/^[a-z0-9-]{1,64}$/))
    .max(10)
    .optional(),
  revoke: revoke.optional(),
  account: account.optional(),
  auth_strategy: z.strictObject({ type: text, config: z.record(z.string(), z.unknown()).optional() }).optional(),
  credential_schema: credentialSchema.optional(),
  probe: probe.optional(),
  downscope: z.strictObject({ via: z.enum(['refresh', 'token_exchange']) }).optional(),
  allow_wider_token: z.boolean().optional(),
  expose_id_token: z.boolean().optional(),
};
