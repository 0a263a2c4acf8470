import type { BulkRevoked, ConnectionDeleted, ConnectionSummary } from '@nexus/broker-api/connections';
import { usageError } from '../command.js';
import { countOf, defineDelete, defineGet, defineList } from '../resource-commands.js';
import { connectionColumns, connectionFields, connectionRow } from './connection-view.js';

const path = '/admin/v1/connections';
const reference = { CONNECTION: { help: 'the connection_ref, as connections list shows it' } } as const;

function pathOf(connection: string): string {
  return `${path}/${encodeURIComponent(connection)}`;
}

const workspaceOption = { kind: 'text', value: 'ID', help: 'those of this workspace' } as const;
const providerOption = { kind: 'text', value: 'NAME', help: 'those with this provider' } as const;

export const connectionsList = defineList({
  member: 'connections',
  filters: {
    provider: providerOption,
    workspace: workspaceOption,
    status: {
      kind: 'text',
      value: 'STATUS',
      among: ['pending', 'active', 'attention', 'failed', 'revoked'],
      help: 'those in this status',
    },
    'requested-by': { kind: 'text', value: 'KEY_ID', help: 'those that this key started' },
  },
  args: {},
  isPaged: true,
  request: ({ options }) => ({
    path,
    query: {
      provider_name: options.provider,
      workspace_id: options.workspace,
      status: options.status,
      requested_by: options['requested-by'],
    },
  }),
  columns: connectionColumns,
  row: connectionRow,
  examples: ['connections list --provider google --status attention'],
  roles: ['operator', 'admin'],
});

export const connectionsGet = defineGet({
  args: reference,
  get: (broker, { CONNECTION }) => broker.get<ConnectionSummary>(pathOf(CONNECTION)),
  fields: connectionFields,
  examples: ['connections get 01JDZ6M4X8Q0V2T5N7R9B3C1KE'],
  roles: ['operator', 'admin'],
});

export const connectionsDelete = defineDelete({
  options: { reason: { kind: 'text', value: 'TEXT', help: 'why, for the audit log' } },
  args: reference,
  description: [
    'The credential is destroyed at once, and revoked at the provider where that can be done; the person would have to connect again.',
  ],
  examples: ['connections delete 01JDZ6M4X8Q0V2T5N7R9B3C1KE --reason "left the company"'],
  roles: ['operator', 'admin'],
  plan: async (broker, { options, args }) => {
    const connection = await broker.get<ConnectionSummary>(pathOf(args.CONNECTION));
    const whose = connection.account?.label ?? connection.account?.subject;
    const of = whose === undefined || whose === null ? '' : ` of ${whose}`;
    return {
      what: `This ends the connection${of} with ${connection.provider_name}, workspace ${connection.workspace_id}`,
      delete: () => broker.delete(pathOf(args.CONNECTION), { reason: options.reason }),
    };
  },
  describe({ connection_ref, already_revoked, ...deleted }: ConnectionDeleted) {
    if (already_revoked) return `connection ${connection_ref} was revoked before, at ${deleted.revoked_at}`;
    const { provider_revoked, provider_revocation_error: error, sessions_closed } = deleted;
    const notTold = `the provider did not revoke it${error === undefined ? '' : ` (${error})`}`;
    const sessions = sessions_closed === 0 ? '' : `; ${countOf(sessions_closed, 'session')} closed`;
    const atProvider = provider_revoked ? 'the provider revoked it, too' : notTold;
    return `connection ${connection_ref} is revoked; ${atProvider}${sessions}`;
  },
});

export const connectionsRevoke = defineDelete({
  options: {
    provider: providerOption,
    workspace: workspaceOption,
    'created-before': { kind: 'time', help: 'those made before this time' },
    'dry-run': { kind: 'flag', help: 'count them, and change nothing' },
  },
  args: {},
  description: ['At least one filter is needed; several must all match.'],
  examples: ['connections revoke --provider acme --dry-run', 'connections revoke --workspace acme-inc --yes'],
  roles: ['admin'],
  plan: async (broker, { options }) => {
    const filter = {
      ...(options.provider === null ? {} : { provider_name: options.provider }),
      ...(options.workspace === null ? {} : { workspace_id: options.workspace }),
      ...(options['created-before'] === null ? {} : { created_before: options['created-before'] }),
    };
    if (Object.keys(filter).length === 0) throw usageError('say which: --provider, --workspace or --created-before');
    const counted = await broker.post<BulkRevoked>(`${path}/revoke`, { ...filter, dry_run: true });
    return {
      what: options['dry-run'] ? null : `This ends ${countOf(counted.matched, 'connection')} for good`,
      delete: async () => (options['dry-run'] ? counted : broker.post<BulkRevoked>(`${path}/revoke`, filter)),
    };
  },
  describe({ dry_run, matched, revoked, provider_revoked }: BulkRevoked) {
    if (dry_run) return `${countOf(matched, 'connection')} would end`;
    return `${countOf(revoked, 'connection')} ended, ${provider_revoked} of them at the provider, too`;
  },
});
