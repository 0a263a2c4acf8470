/** Wire schemas of the connection routes under `/internal/v1/connections` and `/admin/v1/connections`. */
import { z } from '@hono/zod-openapi';
import { looksLikeToken } from '@nexus/core/tokens';

export const Scope = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'is not a scope token (RFC 6749, section 3.3)')
  // Scopes are recorded and shown, and nothing shaped like a bearer value may be.
  .refine((scope) => !looksLikeToken(scope) && !scope.startsWith('eyJ'), 'looks like a token, not like a scope');

export const ConnectionStatus = z
  .enum(['pending', 'active', 'attention', 'failed', 'revoked'])
  .openapi('ConnectionStatus');

export const Reason = z.object({ code: z.string(), message: z.string() }).openapi('Reason');

export const Account = z
  .object({
    subject: z.string().nullable(),
    label: z.string().nullable(),
    data: z.record(z.string(), z.string()).optional(),
  })
  .openapi('Account');

const jsonObject = z.record(z.string(), z.unknown());

export const ConnectionRequest = z
  .strictObject({
    workspace_id: z.string().min(1).max(255),
    provider_name: z.string().min(1).max(63).optional(),
    provider_id: z.string().min(1).max(64).optional(),
    scopes: z.array(Scope).max(100).optional(),
    return_url: z.string().min(1).max(2048),
    metadata: jsonObject.optional(),
    account_label: z.string().min(1).max(255).optional(),
    login_hint: z.string().min(1).max(255).optional(),
    expected_subject: z.string().min(1).max(255).optional(),
    inputs: z.record(z.string(), z.string().max(255)).optional(),
    connection_id: z.string().min(1).max(128).optional(),
    completion_challenge: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'must be the base64url SHA-256 of the verifier, 43 characters')
      .optional(),
  })
  .openapi('ConnectionRequest');

export const ConnectionRequested = z
  .object({
    connection_id: z.string(),
    connection_ref: z.string(),
    auth_url: z.string(),
    state: z.string(),
    provider_id: z.string(),
    provider_name: z.string(),
    scopes: z.array(z.string()),
    expires_at: z.string(),
  })
  .openapi('ConnectionRequested');

export const ConnectionById = z.strictObject({ connection_id: z.string().min(1).max(128) }).openapi('ConnectionById');

export const ConnectionCheck = z
  .strictObject({ connection_id: z.string().min(1).max(128), wait_seconds: z.number().int().min(0).max(30).optional() })
  .openapi('ConnectionCheck');

export const ConnectionState = z
  .object({
    status: ConnectionStatus,
    connection_ref: z.string(),
    provider_name: z.string(),
    scopes: z.array(z.string()),
    account: Account.nullable(),
    reason: Reason.nullable(),
    updated_at: z.string(),
  })
  .openapi('ConnectionState');

export const TokenRequest = z
  .strictObject({
    connection_id: z.string().min(1).max(128),
    min_validity_seconds: z.number().int().min(0).max(3600).optional(),
  })
  .openapi('TokenRequest');

export const Strategy = z.object({ type: z.string(), config: jsonObject.optional() }).openapi('Strategy');

export const CredentialPayload = z
  .object({
    strategy: Strategy,
    credentials: jsonObject,
    scope: z.string(),
    expires_at: z.number().int().nullable(),
    provider: z.string(),
    provider_name: z.string(),
    connection_ref: z.string(),
    api_base_url: z.string().nullable(),
    refreshed: z.boolean().optional(),
  })
  .openapi('CredentialPayload');

export const ResolveRequest = z
  .strictObject({
    workspace_id: z.string().min(1).max(255),
    provider_name: z.string().min(1).max(63),
    connection_ref: z.string().max(64).optional(),
    min_validity_seconds: z.number().int().min(0).max(3600).optional(),
  })
  .openapi('ResolveRequest');

export const CompletionRequest = z
  .strictObject({ handle: z.string().min(1).max(128), code_verifier: z.string().min(1).max(128) })
  .openapi('CompletionRequest');

export const Completed = z.object({ connection_ref: z.string(), status: z.literal('active') }).openapi('Completed');

export const ConnectionListQuery = z
  .strictObject({
    workspace_id: z.string().min(1).max(255).optional(),
    provider_name: z.string().min(1).max(63).optional(),
    status: ConnectionStatus.optional(),
    requested_by: z.string().min(1).max(64).optional(),
    limit: z.number().int().min(1).max(500).optional(),
    after: z.string().max(64).optional(),
  })
  .openapi('ConnectionListQuery');

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
    requested_by: z.string().nullable(),
    expires_at: z.number().int().nullable(),
    created_at: z.string(),
    updated_at: z.string(),
    revoked_at: z.string().nullable(),
    metadata: z.unknown().optional(),
  })
  .openapi('ConnectionSummary');

export const ConnectionList = z
  .object({ connections: z.array(ConnectionSummary), next_cursor: z.string().optional() })
  .openapi('ConnectionList');

export const ConnectionDeletion = z
  .strictObject({
    /** A connection id, or a connection_ref with an operator or admin key. */
    connection: z.string().min(1).max(128),
    reason: z.string().min(1).max(255).optional(),
  })
  .openapi('ConnectionDeletion');

export const ConnectionDeletionReason = z
  .strictObject({ reason: z.string().min(1).max(255).optional() })
  .openapi('ConnectionDeletionReason');

export const ConnectionDeleted = z
  .object({
    connection_ref: z.string(),
    status: z.literal('revoked'),
    revoked_at: z.string(),
    already_revoked: z.boolean(),
    provider_revoked: z.boolean(),
    provider_revocation_error: z.string().optional(),
    sessions_closed: z.number().int(),
  })
  .openapi('ConnectionDeleted');

export const BulkRevocation = z
  .strictObject({
    provider_name: z.string().min(1).max(63).optional(),
    workspace_id: z.string().min(1).max(255).optional(),
    created_before: z.iso.datetime({ offset: true }).optional(),
    dry_run: z.boolean().optional(),
  })
  .openapi('BulkRevocation');

export const BulkRevoked = z
  .object({
    matched: z.number().int(),
    revoked: z.number().int(),
    provider_revoked: z.number().int(),
    dry_run: z.boolean(),
  })
  .openapi('BulkRevoked');

export type ConnectionRequest = z.infer<typeof ConnectionRequest>;
export type ConnectionRequested = z.infer<typeof ConnectionRequested>;
export type ConnectionState = z.infer<typeof ConnectionState>;
export type CredentialPayload = z.infer<typeof CredentialPayload>;
export type ConnectionSummary = z.infer<typeof ConnectionSummary>;
export type ConnectionList = z.infer<typeof ConnectionList>;
export type ConnectionDeleted = z.infer<typeof ConnectionDeleted>;
export type Completed = z.infer<typeof Completed>;
export type ConnectionListQuery = z.infer<typeof ConnectionListQuery>;
export type ConnectionDeletion = z.infer<typeof ConnectionDeletion>;
export type ResolveRequest = z.infer<typeof ResolveRequest>;
export type CompletionRequest = z.infer<typeof CompletionRequest>;
export type TokenRequest = z.infer<typeof TokenRequest>;
export type ConnectionCheck = z.infer<typeof ConnectionCheck>;
export type ConnectionById = z.infer<typeof ConnectionById>;

/** The same filters as query parameters. */
export const ConnectionListParameters = ConnectionListQuery.omit({ after: true })
  .extend({
    limit: z.coerce.number().int().min(1).max(500).optional(),
    cursor: z.string().max(64).optional(),
  })
  .openapi('ConnectionListParameters');
export type BulkRevoked = z.infer<typeof BulkRevoked>;
