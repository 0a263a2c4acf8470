/** The standard door: token exchange (RFC 8693), introspection (RFC 7662), revocation (RFC 7009), metadata (RFC 8414). */
import { z } from '@hono/zod-openapi';

const sessionTokenExample = 'nxs_EXAMPLE';
const sessionIdExample = 'sess_01JA5M3N7Q0V8X2Y4Z6B8D0F2H';
const agentIdExample = 'invoice-reader';
const refExample = '01JA5M3N7Q0V8X2Y4Z6B8D0F2H';

const text = { type: 'string' } as const;

interface FormSchema {
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, object>>;
  readonly example: Readonly<Record<string, string>>;
}

/**
 * Documentation of a form. Parameters that are not listed are ignored and empty ones count as absent
 * (RFC 6749, section 3.2), so what is wrong with one is told in OAuth's own words and not by a schema.
 */
function formBody({ required, properties, example }: FormSchema) {
  const schema = { type: 'object' as const, required: [...required], properties: { ...properties }, example };
  return { required: true, content: { 'application/x-www-form-urlencoded': { schema } } } as const;
}

export const tokenExchangeForm = formBody({
  required: ['grant_type', 'subject_token', 'subject_token_type', 'scope'],
  properties: {
    grant_type: { ...text, enum: ['urn:ietf:params:oauth:grant-type:token-exchange'] },
    subject_token: { ...text, description: 'The token of the user, or a connection id.' },
    subject_token_type: {
      ...text,
      enum: ['urn:ietf:params:oauth:token-type:jwt', 'urn:nexus:params:token-type:connection'],
    },
    scope: { ...text, description: 'Separated by spaces.' },
    requested_token_type: { ...text, enum: ['urn:ietf:params:oauth:token-type:access_token'] },
    audience: { ...text, description: 'Name of the provider; with the token of a user.' },
    connection_ref: { ...text, description: 'Chooses among several connections to the provider.' },
    connection_id: { ...text, description: 'With the token of a user: the connection itself, instead of `audience`.' },
  },
  example: {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: 'header.payload.signature',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    audience: 'acme',
    scope: 'invoices.read',
  },
});

const tokenProperties = { token: { ...text, description: 'A session token.' }, token_type_hint: text };

export const tokenForm = formBody({
  required: ['token'],
  properties: tokenProperties,
  example: { token: sessionTokenExample },
});

export const ExchangedToken = z
  .object({
    access_token: z.string().openapi({
      description: 'The session token; the credential is read with it at `/v1/agent-sessions/{session_id}/token`.',
    }),
    issued_token_type: z.literal('urn:ietf:params:oauth:token-type:access_token'),
    token_type: z.literal('Bearer'),
    expires_in: z.number().int().min(1).openapi({ description: 'Seconds.' }),
    scope: z.string(),
    session_id: z.string().openapi({ description: 'Beyond the RFC: names the session.' }),
  })
  .openapi('ExchangedToken', {
    example: {
      access_token: sessionTokenExample,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'invoices.read',
      session_id: sessionIdExample,
    },
  });

export const Introspection = z
  .object({
    active: z.boolean(),
    client_id: z.string().optional(),
    scope: z.string().optional(),
    sub: z.string().optional().openapi({ description: 'The user the agent acts for, else the agent itself.' }),
    act: z
      .object({ sub: z.string() })
      .optional()
      .openapi({ description: 'The acting agent; only where it acts for a user.' }),
    exp: z.number().int().optional(),
    iat: z.number().int().optional(),
    iss: z.string().optional(),
    token_type: z.literal('Bearer').optional(),
    session_id: z.string().optional(),
    connection_ref: z.string().optional(),
  })
  .openapi('Introspection', {
    description: 'All but `active` only of an active session of the asking agent.',
    example: {
      active: true,
      client_id: agentIdExample,
      scope: 'invoices.read',
      sub: 'user-42',
      act: { sub: agentIdExample },
      exp: 1777637700,
      iat: 1777636800,
      iss: 'https://connect.example.com',
      token_type: 'Bearer',
      session_id: sessionIdExample,
      connection_ref: refExample,
    },
  });

export const AuthorizationServerMetadata = z
  .object({
    issuer: z.string(),
    token_endpoint: z.string(),
    introspection_endpoint: z.string(),
    revocation_endpoint: z.string(),
    token_endpoint_auth_methods_supported: z.array(z.string()),
    introspection_endpoint_auth_methods_supported: z.array(z.string()),
    revocation_endpoint_auth_methods_supported: z.array(z.string()),
    grant_types_supported: z.array(z.string()),
    response_types_supported: z.array(z.string()),
  })
  .openapi('AuthorizationServerMetadata', {
    example: {
      issuer: 'https://connect.example.com',
      token_endpoint: 'https://connect.example.com/v1/oauth/token',
      introspection_endpoint: 'https://connect.example.com/v1/oauth/introspect',
      revocation_endpoint: 'https://connect.example.com/v1/oauth/revoke',
      token_endpoint_auth_methods_supported: ['client_secret_basic'],
      introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
      revocation_endpoint_auth_methods_supported: ['client_secret_basic'],
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange'],
      response_types_supported: ['none'],
    },
  });

const OAuthErrorBody = z
  .object({
    error: z.enum([
      'invalid_request',
      'invalid_client',
      'unauthorized_client',
      'unsupported_grant_type',
      'invalid_scope',
      'invalid_target',
      'temporarily_unavailable',
      'server_error',
    ]),
    error_description: z.string(),
  })
  .openapi('OAuthError', {
    description: "OAuth's own form (RFC 6749, section 5.2; RFC 8693, section 2.2.2).",
    example: { error: 'invalid_scope', error_description: 'This agent is not allowed `invoices.write`.' },
  });

const descriptions = {
  400: 'The request is wrong, or asks for what may not be given.',
  401: 'The client is not authenticated: HTTP Basic with agent id and agent key is needed.',
  429: 'Too many requests; `Retry-After` says when to return.',
  503: 'Not available for now; `Retry-After` says when to return.',
} as const;

type OAuthStatus = keyof typeof descriptions;
const errorContent = { 'application/json': { schema: OAuthErrorBody } };
type OAuthResponses = {
  readonly [Status in OAuthStatus]: { readonly description: string; readonly content: typeof errorContent };
};

/** The refusals every route of the standard door can answer. */
export const oauthErrorResponses = Object.fromEntries(
  Object.entries(descriptions).map(([status, description]) => [status, { description, content: errorContent }]),
) as unknown as OAuthResponses;

export type ExchangedToken = z.infer<typeof ExchangedToken>;
export type Introspection = z.infer<typeof Introspection>;
export type AuthorizationServerMetadata = z.infer<typeof AuthorizationServerMetadata>;
export type OAuthErrorBody = z.infer<typeof OAuthErrorBody>;
