import type { Agent } from '@nexus/broker-api/agents';
import type { Field } from '../views/fields.js';
import { type Piece, type Screen, styled } from '../views/screen.js';
import { timeText } from '../views/time.js';

export const agentColumns = [
  { title: 'AGENT', keep: true },
  'NAME',
  'STATE',
  'PROVIDERS',
  'SCOPES',
  { title: 'CHANGED', keep: true, spare: true },
] as const;

export function agentRow(agent: Agent, screen: Screen): Piece[] {
  return [
    agent.agent_id,
    agent.display_name ?? '-',
    stateOf(agent),
    agent.allowed_providers === null ? 'all' : agent.allowed_providers.join(' ') || 'none',
    agent.allowed_scopes.join(' ') || 'none',
    timeText(agent.updated_at, screen),
  ];
}

export function agentFields(agent: Agent, screen: Screen): Field[] {
  return [
    ['Agent', agent.agent_id],
    ['Name', agent.display_name],
    ['Description', agent.description || null],
    ['State', stateOf(agent)],
    ['Providers', agent.allowed_providers === null ? 'all' : orNone(agent.allowed_providers)],
    ['Scopes', orNone(agent.allowed_scopes)],
    ['Metadata', Object.keys(agent.metadata).length === 0 ? null : JSON.stringify(agent.metadata)],
    ['Created', timeText(agent.created_at, screen)],
    ['Changed', timeText(agent.updated_at, screen)],
  ];
}

function stateOf({ active }: Agent): Piece {
  return active ? styled('green', 'active') : styled('yellow', 'inactive');
}

function orNone(values: readonly string[]): readonly string[] {
  return values.length === 0 ? ['none'] : values;
}
