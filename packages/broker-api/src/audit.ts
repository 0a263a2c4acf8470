/** Wire schemas of `GET /audit`. */
import { z } from '@hono/zod-openapi';

export const AuditQuery = z.object({
  event_type: z.union([z.string().max(64), z.array(z.string().max(64)).max(50)]).optional(),
  connection_ref: z.string().max(64).optional(),
  resource_id: z.string().max(128).optional(),
  agent_id: z.string().max(128).optional(),
  actor: z.string().max(128).optional(),
  workspace_id: z.string().max(255).optional(),
  outcome: z.enum(['success', 'failure', 'refused']).optional(),
  since: z.string().max(64).optional(),
  until: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(512).optional(),
  order: z.enum(['desc', 'asc']).default('desc'),
  format: z.enum(['array']).optional(),
});

export const AuditEvent = z
  .object({
    id: z.string(),
    seq: z.number().int().nullable(),
    event_type: z.string(),
    created_at: z.string(),
    outcome: z.enum(['success', 'failure', 'refused']),
    actor: z.object({
      type: z.enum(['key', 'session', 'anonymous', 'system']),
      id: z.string().nullable(),
      key_hint: z.string().nullable(),
    }),
    connection_ref: z.string().optional(),
    provider_name: z.string().optional(),
    workspace_id: z.string().optional(),
    agent_id: z.string().optional(),
    session_id: z.string().optional(),
    acting_for: z.string().optional(),
    request_id: z.string(),
    caller_ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
  })
  .openapi('AuditEvent');

export const AuditPage = z
  .object({ events: z.array(AuditEvent), limit: z.number().int(), next_cursor: z.string().optional() })
  .openapi('AuditPage');
