import type { SessionList, SessionSummary, SessionsClosed } from '@nexus/broker-api/sessions';
import type { Options } from '../arguments.js';
import { usageError } from '../command.js';
import { countOf, defineDelete, defineList } from '../resource-commands.js';
import { type Screen, styled } from '../views/screen.js';
import { timeText } from '../views/time.js';

const path = '/admin/v1/sessions';

const filters = {
  agent: { kind: 'text', value: 'AGENT', help: 'those of this agent' },
  connection: { kind: 'text', value: 'CONNECTION', help: 'those that reach this connection_ref' },
  key: { kind: 'text', value: 'KEY_ID', help: 'those that this key opened' },
  issuer: { kind: 'text', value: 'URL', help: 'those for a user whom this issuer vouched for; with --sub' },
  sub: { kind: 'text', value: 'SUBJECT', help: 'those for this user; with --issuer' },
} as const satisfies Options;

type Filter = { readonly [K in keyof typeof filters]: string | null };

/** On the wire; absent where it is not given. */
function toWire({ agent, connection, key, issuer, sub }: Filter): Record<string, string> {
  const filter = { agent_id: agent, connection_ref: connection, key_id: key, issuer, sub };
  return Object.fromEntries(Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== null));
}

export const sessionsList = defineList({
  member: 'sessions',
  filters: { ...filters, open: { kind: 'flag', help: 'those that are neither closed nor expired' } },
  args: {},
  isPaged: true,
  request: ({ options }) => ({ path, query: { ...toWire(options), open: options.open ? true : null } }),
  columns: [
    { title: 'SESSION', keep: true },
    'AGENT',
    'PROVIDER',
    'WORKSPACE',
    { title: 'FOR', spare: true },
    'SCOPES',
    { title: 'STATE', keep: true },
    { title: 'EXPIRES', keep: true, spare: true },
  ],
  row: (session: SessionSummary, screen: Screen) => [
    session.session_id,
    session.agent_id,
    session.provider_name,
    session.workspace_id,
    session.acting_for ?? '-',
    session.scopes_granted.join(' '),
    session.open ? styled('green', 'open') : styled('dim', session.end ?? 'expired'),
    timeText(session.expires_at, screen),
  ],
  examples: ['sessions list --open', 'sessions list --agent mailer --json'],
  roles: ['operator', 'admin'],
});

export const sessionsClose = defineDelete({
  options: filters,
  args: {},
  description: ['At least one filter is needed; several must all match.'],
  examples: ['sessions close --agent mailer --yes'],
  roles: ['operator', 'admin'],
  plan: async (broker, { options }) => {
    const filter = toWire(options);
    if (Object.keys(filter).length === 0) throw usageError(`say which: --${Object.keys(filters).join(', --')}`);
    let open = 0;
    for await (const { sessions } of broker.pages<SessionList>(path, { ...filter, open: true, limit: 500 })) {
      open += sessions.length;
    }
    return {
      what: `This closes ${countOf(open, 'open session')}`,
      delete: () => broker.post<SessionsClosed>(`${path}/close`, filter),
    };
  },
  describe: ({ closed }: SessionsClosed) => `${countOf(closed, 'session')} closed`,
});
