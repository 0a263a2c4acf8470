/** Wire schemas of agent sessions under `/internal/v1/sessions` and `/admin/v1/sessions`. */
import { z } from '@hono/zod-openapi';
import { CredentialPayload, Scope } from './connections.js';

const agentId = z.string().min(1).max(128);

const request = {
  agent_id: agentId,
  connection_id: z.string().min(1).max(128).optional(),
  workspace_id: z.string().min(1).max(255).optional(),
  provider_name: z.string().min(1).max(63).optional(),
  connection_ref: z.string().min(1).max(64).optional(),
  scopes: z.array(Scope).min(1).max(100),
  ttl_seconds: z.number().int().min(1).max(3600).optional(),
};

export const SessionRequest = z.strictObject(request).openapi('SessionRequest');

export const OboSessionRequest = z
  .strictObject({ ...request, user_context_token: z.string().min(1).max(16_384) })
  .openapi('OboSessionRequest');

const delegation = {
  acting_for: z.string().optional().openapi({ description: 'Subject of the user; with `obo` only, as what follows.' }),
  tenant_id: z.string().nullable().optional(),
  clearance_level: z.number().int().optional(),
};

export const SessionOpened = z
  .object({
    session_id: z.string(),
    agent_id: z.string(),
    connection_ref: z.string(),
    access_token: z.string().openapi({ description: 'The session token itself, shown this once.' }),
    token_type: z.literal('session'),
    scopes_granted: z.array(z.string()),
    expires_at: z.string(),
    active: z.literal(true),
    obo: z.boolean(),
    ...delegation,
  })
  .openapi('SessionOpened');

export const SessionById = z.strictObject({ session_id: z.string().min(1).max(64) }).openapi('SessionById');

export const SessionState = z
  .object({
    session_id: z.string(),
    agent_id: z.string(),
    connection_ref: z.string(),
    scopes_granted: z.array(z.string()),
    created_at: z.string(),
    expires_at: z.string(),
    active: z.boolean(),
    closed_at: z.string().nullable(),
    obo: z.boolean(),
    ...delegation,
  })
  .openapi('SessionState');

export const SessionClosed = z
  .object({ session_id: z.string(), status: z.literal('closed'), active: z.literal(false) })
  .openapi('SessionClosed');

export const SessionTokenRequest = z
  .strictObject({ session_id: z.string().min(1).max(64), session_token: z.string().min(1).max(128) })
  .openapi('SessionTokenRequest');

export const SessionCredential = CredentialPayload.omit({ refreshed: true })
  .extend({ narrowed: z.boolean() })
  .openapi('SessionCredential');

/** A session token shown by the agent it was issued to, at the standard door. */
export const SessionByToken = z
  .strictObject({
    agent_id: agentId,
    token: z.string().min(1).max(128).nullable().openapi({ description: 'Null for a value that is no token of ours.' }),
  })
  .openapi('SessionByToken');

/** What RFC 7662, section 2.2 needs to be told; all but `active` only of an active session of the asking agent. */
export const SessionIntrospection = z
  .object({
    active: z.boolean(),
    session_id: z.string().optional(),
    agent_id: z.string().optional(),
    connection_ref: z.string().optional(),
    scopes: z.array(z.string()).optional(),
    /** Unix seconds. */
    issued_at: z.number().int().optional(),
    expires_at: z.number().int().optional(),
    /** Subject of the user the agent acts for, and who vouched for it. */
    acting_for: z.object({ issuer: z.string(), subject: z.string() }).optional(),
  })
  .openapi('SessionIntrospection');

export const SessionRevoked = z.object({ revoked: z.literal(true) }).openapi('SessionRevoked');

export const SessionListQuery = z
  .strictObject({
    agent_id: agentId.optional(),
    connection_ref: z.string().min(1).max(64).optional(),
    key_id: z.string().min(1).max(64).optional(),
    issuer: z.string().min(1).max(2048).optional(),
    sub: z.string().min(1).max(255).optional(),
    open: z.enum(['true', 'false']).optional(),
    limit: z.coerce.number().int().min(1).max(500).optional(),
    cursor: z.string().max(64).optional(),
  })
  .openapi('SessionListQuery');

export const SessionSummary = SessionState.extend({
  workspace_id: z.string(),
  provider_name: z.string(),
  key_id: z.string().openapi({ description: 'The key that opened it.' }),
  issuer: z.string().optional(),
  end: z.string().nullable().openapi({ description: 'Why it is over.' }),
})
  .omit({ active: true })
  .extend({ open: z.boolean().openapi({ description: 'Neither closed nor expired.' }) })
  .openapi('SessionSummary');

export const SessionList = z
  .object({ sessions: z.array(SessionSummary), next_cursor: z.string().optional() })
  .openapi('SessionList');

export const SessionCloseRequest = z
  .strictObject({
    agent_id: agentId.optional(),
    connection_ref: z.string().min(1).max(64).optional(),
    key_id: z.string().min(1).max(64).optional(),
    issuer: z.string().min(1).max(2048).optional(),
    sub: z.string().min(1).max(255).optional(),
  })
  .openapi('SessionCloseRequest');

export const SessionsClosed = z.object({ closed: z.number().int() }).openapi('SessionsClosed');

export type SessionRequest = z.infer<typeof SessionRequest>;
export type OboSessionRequest = z.infer<typeof OboSessionRequest>;
export type SessionOpened = z.infer<typeof SessionOpened>;
export type SessionState = z.infer<typeof SessionState>;
export type SessionClosed = z.infer<typeof SessionClosed>;
export type SessionCredential = z.infer<typeof SessionCredential>;
export type SessionIntrospection = z.infer<typeof SessionIntrospection>;
export type SessionRevoked = z.infer<typeof SessionRevoked>;
export type SessionSummary = z.infer<typeof SessionSummary>;
export type SessionList = z.infer<typeof SessionList>;
export type SessionsClosed = z.infer<typeof SessionsClosed>;
