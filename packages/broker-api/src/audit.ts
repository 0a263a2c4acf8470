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

export const CheckpointList = z
  .object({
    checkpoints: z.array(
      z.object({
        size: z.number().int().openapi({ description: 'The sequence number of the last entry it covers.' }),
        created_at: z.string(),
        key_id: z.number().int(),
        note: z.string().openapi({ description: 'The signed note, as docs/audit/format.md describes it.' }),
      }),
    ),
    verifier_keys: z
      .array(z.string())
      .openapi({ description: 'Public keys of the key ring; an auditor pins the first.' }),
    next_cursor: z.string().optional(),
  })
  .openapi('CheckpointList');

export const CheckpointQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(5000).default(1000),
  cursor: z.string().max(32).optional(),
});

export const AuditExportQuery = z.strictObject({
  from_seq: z.coerce.number().int().min(1).optional(),
  to_seq: z.coerce.number().int().min(1).optional(),
});

export const PruneInput = z
  .strictObject({
    to_seq: z.number().int().min(1),
    archive_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  })
  .openapi('PruneInput');

export const Pruned = z
  .object({ from_seq: z.number().int(), to_seq: z.number().int(), count: z.number().int() })
  .openapi('Pruned');

export type AuditPage = z.infer<typeof AuditPage>;
export type CheckpointList = z.infer<typeof CheckpointList>;
export type Pruned = z.infer<typeof Pruned>;
