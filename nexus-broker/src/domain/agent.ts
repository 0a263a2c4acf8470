import type { JsonValue } from '@nexus/core/canonical-json';
import type { Instant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';

/** Who may act with somebody's connection, and at most how far: the ceiling of every session it opens. */
export interface Agent {
  /** Chosen by whoever registers it; the client id at the standard door (RFC 6749, section 2.2). */
  readonly agentId: string;
  readonly displayName: string | null;
  readonly description: string;
  /** An empty list allows nothing. */
  readonly allowedScopes: readonly string[];
  /** Provider names; null allows every provider, an empty list none. */
  readonly allowedProviders: readonly string[] | null;
  readonly metadata: JsonValue;
  readonly active: boolean;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** @throws NexusError `agent_inactive`. */
export function requireActiveAgent(agent: Agent): void {
  if (!agent.active)
    throw new NexusError('agent_inactive', 'This agent is deactivated; ask an operator to activate it.');
}

/** @throws NexusError `provider_not_allowed`. */
export function requireAllowedProvider(agent: Agent, providerName: string): void {
  if (agent.allowedProviders === null || agent.allowedProviders.includes(providerName)) return;
  throw new NexusError('provider_not_allowed', 'This agent may not use connections of this provider.');
}
