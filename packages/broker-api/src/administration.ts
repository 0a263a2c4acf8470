/** Wire schemas of keys, return origins and status under `/admin/v1`. */
import { z } from '@hono/zod-openapi';

export const Role = z.enum(['admin', 'operator', 'auditor', 'gateway', 'app', 'agent']).openapi('Role');

export const KeyInput = z
  .strictObject({
    name: z.string().min(1).max(128),
    role: z.enum(['admin', 'operator', 'auditor', 'gateway', 'app']),
    expires_at: z.iso.datetime({ offset: true }).nullable().optional(),
  })
  .openapi('KeyInput');

export const Key = z
  .object({
    id: z.string(),
    name: z.string(),
    role: Role,
    agent_id: z.string().nullable().openapi({ description: 'The agent a key of role `agent` speaks for.' }),
    last_four: z.string(),
    created_at: z.string(),
    expires_at: z.string().nullable(),
    revoked_at: z.string().nullable(),
    last_used_at: z.string().nullable(),
  })
  .openapi('Key');

export const KeyCreated = z
  .object({
    id: z.string(),
    key: z.string().openapi({ description: 'The key itself, shown this once.' }),
    name: z.string(),
    role: Role,
    last_four: z.string(),
    created_at: z.string(),
    expires_at: z.string().nullable(),
  })
  .openapi('KeyCreated');

export const KeyList = z.object({ keys: z.array(Key) }).openapi('KeyList');

export const KeyDeleted = z
  .object({ id: z.string(), revoked_at: z.string(), sessions_closed: z.number().int() })
  .openapi('KeyDeleted');

export const ReturnOriginInput = z
  .strictObject({
    origin: z.string().min(1).max(512),
    app_name: z.string().min(1).max(80),
    completion: z.enum(['bound', 'confirm']).optional(),
    path_prefix: z.string().min(1).max(512).nullable().optional(),
  })
  .openapi('ReturnOriginInput');

export const ReturnOrigin = z
  .object({
    id: z.string(),
    origin: z.string(),
    app_name: z.string(),
    completion: z.enum(['bound', 'confirm']),
    path_prefix: z.string().nullable(),
    created_at: z.string(),
  })
  .openapi('ReturnOrigin');

export const ReturnOriginList = z.object({ return_origins: z.array(ReturnOrigin) }).openapi('ReturnOriginList');

export const ReturnOriginDeleted = z
  .object({ id: z.string(), deleted: z.literal(true) })
  .openapi('ReturnOriginDeleted');

export const BrokerStatus = z
  .object({
    version: z.string(),
    environment: z.enum(['production', 'development']),
    uptime_seconds: z.number().int(),
    database: z.string(),
    migrations: z.array(z.string()),
    connections: z.record(z.string(), z.number().int()),
    attention: z.record(z.string(), z.number().int()).openapi({ description: 'Connections in attention by reason.' }),
    refresh: z.object({
      backlog: z.number().int().openapi({ description: 'Tokens in use whose refresh is due.' }),
      in_doubt: z.number().int().openapi({ description: 'Grants whose last call has no known outcome.' }),
      unsaved: z
        .number()
        .int()
        .openapi({ description: 'Renewed credentials of this Broker that wait for the database.' }),
      closest: z
        .array(z.object({ connection_ref: z.string(), provider_id: z.string(), expires_in_seconds: z.number().int() }))
        .openapi({ description: 'The tokens in use that end first.' }),
      blocked: z
        .array(
          z.object({
            key: z.string(),
            state: z.enum(['closed', 'open', 'stopped']),
            since: z.string().nullable(),
            retry_at: z.string().nullable(),
          }),
        )
        .openapi({
          description: 'Token endpoints whose breaker is open, and providers that refuse the client of their profile.',
        }),
      calls: z
        .array(z.object({ provider: z.string(), outcome: z.string(), count: z.number().int() }))
        .openapi({ description: 'Calls to token endpoints since this Broker started, by outcome.' }),
    }),
    audit_grants: z
      .boolean()
      .openapi({ description: 'Whether the database itself refuses this Broker to change or delete audit entries.' }),
    keys: z.array(
      z.object({
        id: z.number().int(),
        purpose: z.string(),
        state: z.string(),
        created_at: z.string(),
        age_seconds: z.number().int(),
      }),
    ),
    sealing: z.object({
      sealed: z.number().int().openapi({ description: 'Entries in the chain: the newest sequence number.' }),
      lag_seconds: z
        .number()
        .openapi({ description: 'Age of the oldest entry that is not sealed yet; 0 without one.' }),
      refused: z
        .number()
        .int()
        .openapi({ description: 'Entries found that no audit key vouches for; they are not sealed.' }),
      checkpoint_size: z.number().int().nullable(),
      checkpoint_at: z.string().nullable(),
    }),
  })
  .openapi('BrokerStatus');

export const Health = z
  .object({ status: z.enum(['ok', 'unavailable']), version: z.string(), reason: z.string().optional() })
  .openapi('Health');

export type Key = z.infer<typeof Key>;
export type KeyCreated = z.infer<typeof KeyCreated>;
export type KeyDeleted = z.infer<typeof KeyDeleted>;
export type BrokerStatus = z.infer<typeof BrokerStatus>;
export type ReturnOrigin = z.infer<typeof ReturnOrigin>;
export type ReturnOriginDeleted = z.infer<typeof ReturnOriginDeleted>;
