import { formatDuration } from '../views/duration.js';
import { fieldLines } from '../views/fields.js';
import { indented } from '../views/indent.js';
import { type Line, type Piece, type Screen, type Style, styled } from '../views/screen.js';
import { type Column, tableLines } from '../views/table.js';
import { type Dashboard, deliveryCap } from './read-status.js';

const statuses = ['active', 'pending', 'attention', 'failed', 'revoked'] as const;
const lateSealingSeconds = 15;

export function viewStatus(status: Dashboard, screen: Screen): Line[] {
  return [
    ...viewBroker(status, screen),
    '',
    styled('bold', 'Connections'),
    ...indented(screen, (inner) => viewConnections(status, inner)),
    '',
    styled('bold', 'Refreshes'),
    ...indented(screen, (inner) => viewRefreshes(status, inner)),
    ...section('Tokens in use that end first', ['CONNECTION', 'PROVIDER', 'ENDS IN'], rowsOfClosest(status), screen),
    ...section('Blocked endpoints', ['KEY', 'STATE', 'SINCE', 'NEXT TRY'], rowsOfBlocked(status), screen),
    ...section('Calls since this Broker started', ['PROVIDER', 'OUTCOME', 'CALLS'], rowsOfCalls(status), screen),
    ...section('Keys', ['ID', 'PURPOSE', 'STATE', 'AGE'], rowsOfKeys(status), screen),
    ...section('Webhooks', ['URL', 'STATE', 'PENDING', 'FAILED'], rowsOfWebhooks(status), screen),
  ];
}

function section(
  title: string,
  columns: readonly (string | Column)[],
  rows: readonly (readonly Piece[])[],
  screen: Screen,
): Line[] {
  if (rows.length === 0) return [];
  return ['', styled('bold', title), ...tableLines({ columns, rows, indent: 2 }, screen)];
}

function viewBroker(status: Dashboard, screen: Screen): Line[] {
  const { sealing, migrations, environment } = status;
  const newest = migrations.at(-1);
  const lag = `${sealing.sealed} entries, ${sealing.lag_seconds === 0 ? 'all sealed' : `${sealing.lag_seconds.toFixed(1)} s behind`}`;
  const checkpoint =
    sealing.checkpoint_size === null ? 'none yet' : `at ${sealing.checkpoint_size}, ${sealing.checkpoint_at}`;
  return fieldLines(
    [
      ['Broker', `${status.version}, up ${formatDuration(status.uptime_seconds)}`],
      ['environment', environment === 'production' ? environment : styled('yellow', environment)],
      [
        'database',
        `${status.database}, ${migrations.length} migrations${newest === undefined ? '' : `, newest ${newest}`}`,
      ],
      ['audit log', sealing.lag_seconds > lateSealingSeconds ? styled('red', lag) : lag],
      ['refused entries', sealing.refused === 0 ? null : styled('red', `${sealing.refused}`)],
      ['checkpoint', checkpoint],
      ['audit grants', status.audit_grants ? 'kept by the database' : styled('yellow', 'not kept by the database')],
      ['read at', status.read_at],
    ],
    screen,
  );
}

function viewConnections({ connections, attention }: Dashboard, screen: Screen): Line[] {
  const reasons = Object.entries(attention).map(([reason, count]) => styled('yellow', `${count} ${reason}`));
  return fieldLines(
    [...statuses.map((status) => [status, `${connections[status] ?? 0}`] as const), ['needed because of', reasons]],
    screen,
  );
}

function viewRefreshes({ refresh }: Dashboard, screen: Screen): Line[] {
  const alarm = (count: number, style: Style): Piece => (count === 0 ? '0' : styled(style, `${count}`));
  return fieldLines(
    [
      ['due', `${refresh.backlog}`],
      ['in doubt', alarm(refresh.in_doubt, 'yellow')],
      ['waiting for the database', alarm(refresh.unsaved, 'red')],
    ],
    screen,
  );
}

function rowsOfClosest({ refresh: { closest } }: Dashboard): string[][] {
  return closest.map((one) => [one.connection_ref, one.provider_id, formatDuration(one.expires_in_seconds)]);
}

function rowsOfBlocked({ refresh: { blocked } }: Dashboard): Piece[][] {
  return blocked.map(({ key, state, since, retry_at }) => [
    key,
    styled(state === 'stopped' ? 'red' : 'yellow', state),
    since ?? '-',
    retry_at ?? '-',
  ]);
}

function rowsOfCalls({ refresh: { calls } }: Dashboard): string[][] {
  return calls.map(({ provider, outcome, count }) => [provider, outcome, `${count}`]);
}

function rowsOfKeys({ keys }: Dashboard): string[][] {
  return keys.map(({ id, purpose, state, age_seconds }) => [`${id}`, purpose, state, formatDuration(age_seconds)]);
}

function rowsOfWebhooks({ webhooks }: Dashboard): Piece[][] {
  const count = (value: number): string => (value >= deliveryCap ? `${deliveryCap} or more` : `${value}`);
  return (webhooks ?? []).map(({ url, active, pending, failed }) => [
    url,
    active ? 'active' : 'paused',
    count(pending),
    failed === 0 ? '0' : styled('yellow', count(failed)),
  ]);
}
