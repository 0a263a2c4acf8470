import type { BrokerStatus } from '@nexus/broker-api/administration';
import { expect, it } from 'vitest';
import { checkStatus } from './check-status.js';

const daySeconds = 24 * 3_600;
const key = {
  id: 1,
  purpose: 'cred',
  state: 'active',
  created_at: '2026-01-01T00:00:00.000Z',
  age_seconds: daySeconds,
};

const healthy: BrokerStatus = {
  version: '0.1.0',
  environment: 'production',
  uptime_seconds: 60,
  database: 'postgres',
  migrations: ['0001-first', '0002-second'],
  connections: { active: 3 },
  attention: {},
  refresh: { backlog: 0, in_doubt: 0, unsaved: 0, closest: [], blocked: [], calls: [] },
  audit_grants: true,
  keys: [key, { ...key, id: 2, purpose: 'provider', age_seconds: 3 * daySeconds }],
  sealing: { sealed: 40, lag_seconds: 0, refused: 0, checkpoint_size: 40, checkpoint_at: '2026-01-01T00:00:00.000Z' },
};

type Blocked = BrokerStatus['refresh']['blocked'][number];
const blocked = (state: Blocked['state']): Blocked => ({ key: 'provider:acme', state, since: null, retry_at: null });
const refresh = (changes: Partial<BrokerStatus['refresh']>) => ({ refresh: { ...healthy.refresh, ...changes } });
const sealing = (changes: Partial<BrokerStatus['sealing']>) => ({ sealing: { ...healthy.sealing, ...changes } });

it('finds nothing where all is well', () => {
  const findings = checkStatus(healthy);
  expect(findings.map(({ state, mend }) => [state, mend])).toEqual(Array(7).fill(['ok', null]));
});

it.each<[string, string, Partial<BrokerStatus>, string]>([
  ['environment', 'warn', { environment: 'development' }, 'NEXUS_ENV'],
  ['database', 'fail', { migrations: [] }, 'DATABASE_URL'],
  ['audit grants', 'warn', { audit_grants: false }, 'role of its own'],
  ['audit grants', 'warn', { audit_grants: false, database: 'sqlite' }, 'PostgreSQL'],
  ['sealing', 'warn', sealing({ lag_seconds: 16 }), 'log of the Broker'],
  ['sealing', 'fail', sealing({ lag_seconds: 61 }), 'log of the Broker'],
  ['sealing', 'fail', sealing({ refused: 1 }), 'audit verify'],
  ['key ages', 'warn', { keys: [{ ...key, age_seconds: 366 * daySeconds }] }, 'vault rotate cred.'],
  ['key ages', 'fail', { keys: [{ ...key, state: 'retired' }] }, 'vault rotate'],
  ['refreshes', 'warn', refresh({ backlog: 101 }), 'backlog'],
  ['refreshes', 'warn', refresh({ in_doubt: 1 }), 'in_doubt'],
  ['refreshes', 'fail', refresh({ unsaved: 1 }), 'renewals.spool'],
  ['endpoints', 'warn', refresh({ blocked: [blocked('open')] }), 'tried by itself'],
  ['endpoints', 'warn', refresh({ blocked: [blocked('open'), blocked('stopped')] }), 'client_secret'],
])('%s: %s', (check, state, changes, mend) => {
  const found = checkStatus({ ...healthy, ...changes }).filter((finding) => finding.state !== 'ok');
  expect(found).toMatchObject([{ check, state, mend: expect.stringContaining(mend) }]);
});

it.each([
  ['sealing takes its second', sealing({ lag_seconds: 1 })],
  ['a retired key is old', { keys: [key, { ...key, id: 3, state: 'retired', age_seconds: 900 * daySeconds }] }],
  ['some refreshes are due', refresh({ backlog: 100 })],
])('%s, which is nothing to mend', (_what, changes) => {
  expect(checkStatus({ ...healthy, ...changes }).every(({ state }) => state === 'ok')).toBe(true);
});
