import type { ConnectionSummary } from '@nexus/broker-api/connections';
import type { Field } from '../views/fields.js';
import { type Piece, type Screen, type Style, styled } from '../views/screen.js';
import { timeText } from '../views/time.js';

const styles: Readonly<Record<ConnectionSummary['status'], Style>> = {
  pending: 'cyan',
  active: 'green',
  attention: 'yellow',
  failed: 'red',
  revoked: 'dim',
};

export const connectionColumns = [
  { title: 'CONNECTION', keep: true },
  'PROVIDER',
  'WORKSPACE',
  'STATUS',
  'ACCOUNT',
  { title: 'CHANGED', keep: true, spare: true },
] as const;

export function connectionRow(connection: ConnectionSummary, screen: Screen): Piece[] {
  const { account } = connection;
  return [
    connection.connection_ref,
    connection.provider_name,
    connection.workspace_id,
    statusOf(connection),
    account?.label ?? account?.subject ?? '-',
    timeText(connection.updated_at, screen),
  ];
}

export function connectionFields(connection: ConnectionSummary, screen: Screen): Field[] {
  const { account, reason, expires_at, metadata } = connection;
  const time = (instant: string | null) => (instant === null ? null : timeText(instant, screen));
  return [
    ['Connection', connection.connection_ref],
    ['Provider', connection.provider_name],
    ['Workspace', connection.workspace_id],
    ['Status', statusOf(connection)],
    ['Reason', reason === null ? null : `${reason.code}: ${reason.message}`],
    ['Account', account?.label ?? null],
    ['Subject', account?.subject ?? null],
    ['Scopes', connection.scopes],
    ['Token ends', expires_at === null ? null : time(new Date(expires_at * 1_000).toISOString())],
    ['Requested by', connection.requested_by],
    ['Metadata', isEmpty(metadata) ? null : JSON.stringify(metadata)],
    ['Created', time(connection.created_at)],
    ['Changed', time(connection.updated_at)],
    ['Revoked', time(connection.revoked_at)],
  ];
}

function isEmpty(metadata: unknown): boolean {
  return typeof metadata !== 'object' || metadata === null || Object.keys(metadata).length === 0;
}

function statusOf({ status, reason }: ConnectionSummary): Piece {
  return styled(styles[status], reason === null || status === 'revoked' ? status : `${status}: ${reason.code}`);
}
