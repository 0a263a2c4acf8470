/** Wire schemas of agent sessions, owned by the frozen v1 contract (section 5). */
import { z } from '@hono/zod-openapi';
import { scopeToken } from './scope.js';

const sessionIdExample = 'sess_01JA5M3N7Q0V8X2Y4Z6B8D0F2H';
const agentIdExample = 'invoice-reader';
const refExample = '01JA5M3N7Q0V8X2Y4Z6B8D0F2H';
const tokenExample = 'nxs_EXAMPLE';

/** Opaque to callers: a value that cannot be an id is an unknown id. */
export const SessionIdParam = z.object({
  id: z.string().openapi({
    param: { name: 'id', in: 'path' },
    description: 'The session id; names the session and opens nothing.',
    example: sessionIdExample,
  }),
});

const requestFields = {
  agent_id: z.string().min(1).max(128).openapi({ description: 'The registered agent the session is for.' }),
  connection_id: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .openapi({ description: 'Selects the connection by its id; nothing else may select then.' }),
  workspace_id: z.string().min(1).max(255).optional(),
  provider_name: z.string().min(1).max(63).optional(),
  connection_ref: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .openapi({ description: 'Chooses among several candidates of the workspace.' }),
  scopes: z
    .array(scopeToken)
    .min(1)
    .max(100)
    .openapi({ description: 'What the session may do, and no more than that.' }),
  ttl_seconds: z.number().int().min(1).max(3600).optional().openapi({ description: 'Lifetime; 900 unless given.' }),
};

type Selector = { readonly [Field in 'connection_id' | (typeof besideConnectionId)[number]]?: string | undefined };

const besideConnectionId = ['workspace_id', 'provider_name', 'connection_ref'] as const;

interface SelectorRule {
  /** Fields that together name a connection without its id. */
  readonly needed: readonly (typeof besideConnectionId)[number][];
  /** A field that selects nothing and may always be there. */
  readonly compared?: (typeof besideConnectionId)[number];
}

/** Names each field that breaks the rule: a connection id alone, or all of `needed`. */
function checkSelector(body: Selector, { needed, compared }: SelectorRule, context: z.RefinementCtx): void {
  const sent = besideConnectionId.filter((field) => field !== compared && body[field] !== undefined);
  const report = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
  if (body.connection_id !== undefined) {
    for (const field of sent) report(field, 'must not be sent together with connection_id');
  } else if (sent.length === 0) {
    report('connection_id', `is required, or ${needed.join(' and ')} instead of it`);
  } else {
    for (const field of needed) if (body[field] === undefined) report(field, 'is required without connection_id');
  }
}

export const AgentSessionRequest = z
  .strictObject(requestFields)
  .superRefine((body, context) => checkSelector(body, { needed: ['workspace_id', 'provider_name'] }, context))
  .openapi('AgentSessionRequest', {
    description: 'Selects by `connection_id`, or by `workspace_id` and `provider_name` [and `connection_ref`].',
    example: {
      agent_id: agentIdExample,
      connection_id: 'nxc_EXAMPLE',
      scopes: ['invoices.read'],
      ttl_seconds: 600,
    },
  });

export const OboSessionRequest = z
  .strictObject({
    ...requestFields,
    workspace_id: requestFields.workspace_id.openapi({
      description: 'Only compared: the workspace is what the verified token of the user proves.',
    }),
    user_context_token: z
      .string()
      .min(1)
      .max(16_384)
      .openapi({ description: 'The token of the user, issued for this service. Each token opens one session.' }),
  })
  .superRefine((body, context) => checkSelector(body, { needed: ['provider_name'], compared: 'workspace_id' }, context))
  .openapi('OboSessionRequest', {
    description: 'Selects by `connection_id`, or by `provider_name` [and `connection_ref`].',
    example: {
      agent_id: agentIdExample,
      provider_name: 'acme',
      scopes: ['invoices.read'],
      user_context_token: 'header.payload.signature',
    },
  });

const openedFields = {
  session_id: z.string(),
  agent_id: z.string(),
  connection_ref: z.string(),
  access_token: z
    .string()
    .openapi({ description: 'The session token of ours, shown this once; the credential is read with it.' }),
  token_type: z.literal('session'),
  scopes_granted: z.array(z.string()),
  expires_at: z.iso.datetime(),
  active: z.literal(true),
  obo: z.boolean(),
};

const delegationFields = {
  acting_for: z.string().openapi({ description: 'Subject of the user the agent acts for.' }),
  tenant_id: z.string().nullable(),
  clearance_level: z.number().int().openapi({ description: 'As the token of the user said; fixed when it opened.' }),
};

const openedExample = {
  session_id: sessionIdExample,
  agent_id: agentIdExample,
  connection_ref: refExample,
  access_token: tokenExample,
  token_type: 'session',
  scopes_granted: ['invoices.read'],
  expires_at: '2026-05-01T12:15:00.000Z',
  active: true,
  obo: false,
};

const delegationExample = { acting_for: 'user-42', tenant_id: 'tenant-7', clearance_level: 1 };

export const AgentSessionOpened = z.object(openedFields).openapi('AgentSessionOpened', { example: openedExample });

export const OboSessionOpened = z
  .object({ ...openedFields, ...delegationFields })
  .openapi('OboSessionOpened', { example: { ...openedExample, obo: true, ...delegationExample } });

export const AgentSessionState = z
  .object({
    session_id: z.string(),
    agent_id: z.string(),
    connection_ref: z.string(),
    scopes_granted: z.array(z.string()),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    active: z.boolean().openapi({ description: 'Whether a read through the session would be let pass now.' }),
    closed_at: z.iso.datetime().nullable(),
    obo: z.boolean(),
    acting_for: delegationFields.acting_for.optional(),
    tenant_id: delegationFields.tenant_id.optional(),
    clearance_level: delegationFields.clearance_level.optional(),
  })
  .openapi('AgentSessionState', {
    description: 'Never holds a token. The user, tenant and clearance are there with `obo` only.',
    example: {
      session_id: sessionIdExample,
      agent_id: agentIdExample,
      connection_ref: refExample,
      scopes_granted: ['invoices.read'],
      created_at: '2026-05-01T12:00:00.000Z',
      expires_at: '2026-05-01T12:15:00.000Z',
      active: true,
      closed_at: null,
      obo: true,
      ...delegationExample,
    },
  });

export const AgentSessionClosed = z
  .object({ session_id: z.string(), status: z.literal('closed'), active: z.literal(false) })
  .openapi('AgentSessionClosed', { example: { session_id: sessionIdExample, status: 'closed', active: false } });

export type AgentSessionRequest = z.infer<typeof AgentSessionRequest>;
export type OboSessionRequest = z.infer<typeof OboSessionRequest>;
export type AgentSessionOpened = z.infer<typeof AgentSessionOpened>;
export type OboSessionOpened = z.infer<typeof OboSessionOpened>;
export type AgentSessionState = z.infer<typeof AgentSessionState>;
export type AgentSessionClosed = z.infer<typeof AgentSessionClosed>;
