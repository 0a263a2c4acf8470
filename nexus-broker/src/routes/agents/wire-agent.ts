import type { Agent as WireAgent } from '@nexus/broker-api/agents';
import type { JsonValue } from '@nexus/core/canonical-json';
import type { Agent } from '../../domain/agent.js';
import type { AgentFields } from '../../domain/agent-fields.js';

export function toWireAgent(agent: Agent): WireAgent {
  return {
    agent_id: agent.agentId,
    display_name: agent.displayName,
    description: agent.description,
    allowed_scopes: [...agent.allowedScopes],
    allowed_providers: agent.allowedProviders === null ? null : [...agent.allowedProviders],
    metadata: agent.metadata as Record<string, unknown>,
    active: agent.active,
    created_at: agent.createdAt,
    updated_at: agent.updatedAt,
  };
}

interface WireFields {
  readonly display_name?: string | null | undefined;
  readonly description?: string | undefined;
  readonly allowed_scopes?: readonly string[] | undefined;
  readonly allowed_providers?: readonly string[] | null | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  readonly active?: boolean | undefined;
}

export function toAgentFields(body: WireFields): AgentFields {
  return {
    displayName: body.display_name,
    description: body.description,
    allowedScopes: body.allowed_scopes,
    allowedProviders: body.allowed_providers,
    metadata: body.metadata as JsonValue | undefined,
    active: body.active,
  };
}
