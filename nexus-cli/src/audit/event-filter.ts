/** Which entries are wanted: the filters of `GET /audit` as options. */
import type { Given, Options } from '../arguments.js';
import type { Query } from '../broker.js';

export const filterOptions = {
  'event-type': { kind: 'list', value: 'TYPE', help: 'such as token.refreshed, or token.* for all that begin so' },
  'connection-ref': { kind: 'text', value: 'REF', help: 'entries about this connection' },
  'resource-id': { kind: 'text', value: 'ID', help: 'entries about the provider, key or whatever has this id' },
  'agent-id': { kind: 'text', value: 'ID', help: 'entries about this agent' },
  actor: { kind: 'text', value: 'ID', help: 'what this key or session did' },
  'workspace-id': { kind: 'text', value: 'ID', help: 'entries about connections of this workspace' },
  outcome: { kind: 'text', value: 'OUTCOME', among: ['success', 'failure', 'refused'], help: 'how it ended' },
  since: { kind: 'time', help: 'from this time on' },
  until: { kind: 'time', help: 'before this time' },
} as const satisfies Options;

export function toQuery(given: Given<typeof filterOptions, Record<never, never>>['options']): Query {
  return Object.fromEntries(
    Object.keys(filterOptions).map((name) => [name.replaceAll('-', '_'), given[name as keyof typeof filterOptions]]),
  );
}
