/** Wire schemas of the agent registry under `/admin/v1/agents`. */
import { z } from '@hono/zod-openapi';
import { Scope } from './connections.js';

export const AgentId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'must be letters, digits and ._:-, at most 128, not led by a sign')
  .openapi('AgentId');

const changeable = {
  description: z.string().max(1000),
  allowed_scopes: z.array(Scope).max(500),
  allowed_providers: z.array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not a provider name')).max(500),
  display_name: z.string().min(1).max(128),
  metadata: z.record(z.string(), z.unknown()),
};

export const AgentInput = z
  .strictObject({
    agent_id: AgentId,
    description: changeable.description.optional(),
    allowed_scopes: changeable.allowed_scopes.openapi({ description: 'An empty list allows nothing.' }),
    allowed_providers: changeable.allowed_providers
      .nullable()
      .optional()
      .openapi({ description: 'Names of providers; absent or null allows all, an empty list none.' }),
    display_name: changeable.display_name.nullable().optional(),
    metadata: changeable.metadata.optional(),
  })
  .openapi('AgentInput');

export const AgentPatch = z
  .strictObject({
    description: changeable.description.optional(),
    allowed_scopes: changeable.allowed_scopes.optional(),
    allowed_providers: changeable.allowed_providers.nullable().optional(),
    display_name: changeable.display_name.nullable().optional(),
    metadata: changeable.metadata.optional(),
    active: z.boolean().optional(),
  })
  .openapi('AgentPatch');

export const Agent = z
  .object({
    agent_id: z.string(),
    display_name: z.string().nullable(),
    description: z.string(),
    allowed_scopes: z.array(z.string()),
    allowed_providers: z.array(z.string()).nullable(),
    metadata: z.record(z.string(), z.unknown()),
    active: z.boolean(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .openapi('Agent');

export const AgentList = z.object({ agents: z.array(Agent), next_cursor: z.string().optional() }).openapi('AgentList');

export const AgentDeleted = z
  .object({
    agent_id: z.string(),
    deleted: z.literal(true),
    keys_revoked: z.number().int(),
    sessions_closed: z.number().int(),
  })
  .openapi('AgentDeleted');

export const AgentKeyInput = z
  .strictObject({
    name: z.string().min(1).max(128).optional(),
    expires_at: z.iso.datetime({ offset: true }).nullable().optional(),
  })
  .openapi('AgentKeyInput');

export type Agent = z.infer<typeof Agent>;
export type AgentDeleted = z.infer<typeof AgentDeleted>;
