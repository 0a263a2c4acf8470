import type { JsonValue } from '@nexus/core/canonical-json';
import { type ErrorDetail, NexusError } from '@nexus/core/errors';
import type { Agent } from './agent.js';
import { findDisplayProblem, findProseProblem } from './display-text.js';

/** What an operator says about an agent, at its registration or later; absent fields stay as they are. */
export interface AgentFields {
  readonly displayName?: string | null | undefined;
  readonly description?: string | undefined;
  readonly allowedScopes?: readonly string[] | undefined;
  readonly allowedProviders?: readonly string[] | null | undefined;
  readonly metadata?: JsonValue | undefined;
  readonly active?: boolean | undefined;
}

const wireNames: Record<keyof AgentFields, string> = {
  displayName: 'display_name',
  description: 'description',
  allowedScopes: 'allowed_scopes',
  allowedProviders: 'allowed_providers',
  metadata: 'metadata',
  active: 'active',
};

/** The fields that are there, by their names on the wire. */
export function nameFields(fields: AgentFields): string[] {
  return Object.entries(wireNames).flatMap(([name, wireName]) =>
    fields[name as keyof AgentFields] === undefined ? [] : [wireName],
  );
}

const maxMetadataBytes = 4_096;

/** @throws NexusError `invalid_request` naming every field that is wrong. */
export function applyAgentFields(agent: Agent, fields: AgentFields): Agent {
  const details: ErrorDetail[] = [];
  const refuse = (path: string, message: string | null) => {
    if (message !== null) details.push({ path, message });
  };
  const { displayName, description, metadata } = fields;
  if (displayName != null) refuse('display_name', findDisplayProblem(displayName, 128));
  if (description !== undefined) refuse('description', findProseProblem(description, 1_000));
  if (metadata !== undefined && Buffer.byteLength(JSON.stringify(metadata)) > maxMetadataBytes) {
    refuse('metadata', 'is larger than 4 KiB');
  }
  if (details.length > 0) throw new NexusError('invalid_request', 'The agent is not valid.', { details });
  return {
    ...agent,
    displayName: displayName === undefined ? agent.displayName : displayName,
    description: description ?? agent.description,
    allowedScopes: fields.allowedScopes === undefined ? agent.allowedScopes : unique(fields.allowedScopes),
    allowedProviders: readProviders(fields.allowedProviders, agent.allowedProviders),
    metadata: metadata ?? agent.metadata,
    active: fields.active ?? agent.active,
  };
}

function readProviders(given: AgentFields['allowedProviders'], held: Agent['allowedProviders']) {
  if (given === undefined) return held;
  return given === null ? null : unique(given);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
