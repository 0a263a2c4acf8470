/** Wire schemas of connections and flows, owned by the frozen v1 contract (sections 2, 3 and 4). */
import { z } from '@hono/zod-openapi';
import { Reason } from './error.js';
import { scopeToken } from './scope.js';

const maxMetadataBytes = 4 * 1024;

const connectionIdExample = 'nxc_EXAMPLE';
const refExample = '01JA5M3N7Q0V8X2Y4Z6B8D0F2H';
const ticketExample = 'nxt_EXAMPLE';

export const ConnectionStatus = z
  .enum(['pending', 'active', 'attention', 'failed', 'revoked'])
  .openapi('ConnectionStatus');

const Account = z
  .object({
    subject: z.string().nullable(),
    label: z.string().nullable(),
    data: z.record(z.string(), z.string()).optional().openapi({
      description:
        'What the provider told once and its profile keeps, such as the address of its API for this account.',
    }),
  })
  .openapi('Account', { description: 'The account at the provider, as far as the provider tells.' });

/** Opaque to callers: a value that cannot be an id is an unknown id and gets the same 404. */
export const ConnectionIdParam = z.object({
  id: z
    .string()
    .openapi({ param: { name: 'id', in: 'path' }, description: 'The connection id.', example: connectionIdExample }),
});

const workspaceId = z.string().min(1).max(255);

export const ConnectionRequest = z
  .strictObject({
    workspace_id: workspaceId.optional(),
    user_id: workspaceId
      .optional()
      .openapi({ description: 'Alias of `workspace_id`; if both are sent they are equal.' }),
    provider_name: z.string().min(1).max(63).optional(),
    provider_id: z.string().min(1).max(64).optional(),
    scopes: z.array(scopeToken).max(100).optional().openapi({ description: "Default: the provider's default scopes." }),
    return_url: z.string().min(1).max(2048).openapi({ description: 'Absolute, under a registered return origin.' }),
    metadata: z
      .record(z.string(), z.unknown())
      .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= maxMetadataBytes, 'must be at most 4 KiB of JSON')
      .optional()
      .openapi({ type: 'object', additionalProperties: true, description: 'Kept with the connection, at most 4 KiB.' }),
    account_label: z.string().min(1).max(255).optional(),
    login_hint: z.string().min(1).max(255).optional(),
    expected_subject: z.string().min(1).max(255).optional(),
    inputs: z
      .record(z.string(), z.string().max(255))
      .optional()
      .openapi({ description: "Per-tenant values of the provider's template." }),
    connection_id: z.string().min(1).max(128).optional().openapi({ description: 'Reconnects this connection.' }),
    completion_challenge: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'must be the base64url SHA-256 of the verifier, 43 characters')
      .optional()
      .openapi({ description: 'Base64url SHA-256 of a verifier; selects bound completion.' }),
  })
  .superRefine((body, context) => {
    if (body.workspace_id === undefined && body.user_id === undefined) {
      context.addIssue({ code: 'custom', path: ['workspace_id'], message: 'is required' });
    }
    if (body.workspace_id !== undefined && body.user_id !== undefined && body.workspace_id !== body.user_id) {
      context.addIssue({ code: 'custom', path: ['user_id'], message: 'must equal workspace_id when both are sent' });
    }
    if (body.provider_name === undefined && body.provider_id === undefined) {
      context.addIssue({ code: 'custom', path: ['provider_name'], message: 'is required unless provider_id is given' });
    }
  })
  .openapi('ConnectionRequest', {
    example: {
      workspace_id: 'workspace-42',
      provider_name: 'acme',
      scopes: ['openid', 'email'],
      return_url: 'https://app.example/connected',
    },
  });

export const ConnectionRequested = z
  .object({
    connection_id: z
      .string()
      .openapi({ description: 'The capability to read this connection. Keep it like a password.' }),
    connection_ref: z.string().openapi({ description: 'Names the connection in logs and lists; opens nothing.' }),
    auth_url: z.string().openapi({ description: 'The page to send the person to.' }),
    authUrl: z.string().openapi({ description: 'The same URL as `auth_url`.' }),
    state: z.string().openapi({ description: 'The flow ticket, also the last path segment of `auth_url`.' }),
    provider_id: z.string(),
    provider_name: z.string(),
    scopes: z.array(z.string()),
    expires_at: z.iso.datetime().openapi({ description: 'When the flow ends, RFC 3339.' }),
  })
  .openapi('ConnectionRequested', {
    example: {
      connection_id: connectionIdExample,
      connection_ref: refExample,
      auth_url: `https://connect.example.com/connect/${ticketExample}`,
      authUrl: `https://connect.example.com/connect/${ticketExample}`,
      state: ticketExample,
      provider_id: '01JA5M0000000000000000ACME',
      provider_name: 'acme',
      scopes: ['openid', 'email'],
      expires_at: '2026-05-01T12:10:00.000Z',
    },
  });

export const ConnectionState = z
  .object({
    status: ConnectionStatus,
    connection_ref: z.string(),
    provider_name: z.string(),
    scopes: z.array(z.string()).openapi({ description: 'The scopes the provider granted.' }),
    account: Account.nullable(),
    reason: Reason.nullable(),
    updated_at: z.iso.datetime(),
  })
  .openapi('ConnectionState', {
    example: {
      status: 'active',
      connection_ref: refExample,
      provider_name: 'acme',
      scopes: ['openid', 'email'],
      account: { subject: '248289761001', label: 'jane@example.com' },
      reason: null,
      updated_at: '2026-05-01T12:01:07.000Z',
    },
  });

export const CompletionRequest = z
  .strictObject({ handle: z.string().min(1).max(128), code_verifier: z.string().min(1).max(128) })
  .openapi('CompletionRequest', {
    example: { handle: ticketExample, code_verifier: 'the-verifier-kept-in-the-login-session-of-that-user' },
  });

export const Completed = z
  .object({ connection_ref: z.string(), status: z.literal('active') })
  .openapi('Completed', { example: { connection_ref: refExample, status: 'active' } });

const jsonSchema = z
  .record(z.string(), z.unknown())
  .openapi({ type: 'object', additionalProperties: true, description: 'A JSON Schema (2020-12) of type object.' });

export const CaptureSchema = z
  .object({ provider_name: z.string(), provider_id: z.string(), schema: jsonSchema })
  .openapi('CaptureSchema', {
    example: {
      provider_name: 'acme-key',
      provider_id: '01JA5M00000000000000ACMEKY',
      schema: {
        type: 'object',
        properties: { api_key: { type: 'string', title: 'API key', format: 'password' } },
        required: ['api_key'],
      },
    },
  });

export const Capture = z
  .strictObject({
    state: z.string().min(1).max(128),
    credentials: z.record(z.string(), z.unknown()).openapi({ type: 'object', additionalProperties: true }),
  })
  .openapi('Capture', { example: { state: ticketExample, credentials: { api_key: 'fixture-api-key' } } });

export const Captured = z
  .object({
    connection_ref: z.string(),
    status: z
      .enum(['success', 'pending'])
      .openapi({ description: '`pending` in a bound flow, until it is completed.' }),
    redirect_url: z.string(),
  })
  .openapi('Captured', {
    example: {
      connection_ref: refExample,
      status: 'success',
      redirect_url: `https://app.example/connected?status=success&connection_ref=${refExample}&provider=acme-key`,
    },
  });

export const ConnectionSummary = z
  .object({
    connection_ref: z.string(),
    workspace_id: z.string(),
    provider_id: z.string(),
    provider_name: z.string(),
    status: ConnectionStatus,
    reason: Reason.nullable(),
    scopes: z.array(z.string()),
    account: Account.nullable(),
    requested_by: z.string().nullable().openapi({ description: 'Id of the key that started it.' }),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    revoked_at: z.iso.datetime().nullable(),
  })
  .openapi('ConnectionSummary');

export const ConnectionList = z.object({ connections: z.array(ConnectionSummary) }).openapi('ConnectionList', {
  example: {
    connections: [
      {
        connection_ref: refExample,
        workspace_id: 'workspace-42',
        provider_id: '01JA5M0000000000000000ACME',
        provider_name: 'acme',
        status: 'active',
        reason: null,
        scopes: ['openid', 'email'],
        account: { subject: '248289761001', label: 'jane@example.com' },
        requested_by: '01JA5M000000000000000000KY',
        created_at: '2026-05-01T12:00:00.000Z',
        updated_at: '2026-05-01T12:01:07.000Z',
        revoked_at: null,
      },
    ],
  },
});

export const ConnectionDeleted = z
  .object({
    connection_ref: z.string(),
    status: z.literal('revoked'),
    revoked_at: z.iso.datetime(),
    already_revoked: z.boolean(),
    provider_revoked: z.boolean(),
    provider_revocation_error: z.string().optional(),
    sessions_closed: z.number().int(),
  })
  .openapi('ConnectionDeleted', {
    example: {
      connection_ref: refExample,
      status: 'revoked',
      revoked_at: '2026-05-01T13:00:00.000Z',
      already_revoked: false,
      provider_revoked: true,
      sessions_closed: 0,
    },
  });

export type ConnectionRequest = z.infer<typeof ConnectionRequest>;
export type ConnectionRequested = z.infer<typeof ConnectionRequested>;
export type ConnectionState = z.infer<typeof ConnectionState>;
export type CaptureSchema = z.infer<typeof CaptureSchema>;
export type Captured = z.infer<typeof Captured>;
export type Completed = z.infer<typeof Completed>;
export type ConnectionSummary = z.infer<typeof ConnectionSummary>;
export type ConnectionList = z.infer<typeof ConnectionList>;
export type ConnectionDeleted = z.infer<typeof ConnectionDeleted>;
