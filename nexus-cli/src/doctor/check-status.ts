/** What the Broker says of itself, judged: database, log, keys, refreshes, and whether this is a place for real secrets. */
import type { BrokerStatus } from '@nexus/broker-api/administration';
import { type Finding, fail, ok, skipped, warn } from './finding.js';

const daySeconds = 24 * 3_600;
/** A data key in use for so long is due for rotation. */
const oldKeyDays = 365;
/** Sealing takes a second; another Broker takes over within the lower, nobody seals beyond the upper. */
const sealingLate = { warnSeconds: 15, failSeconds: 60 };
/** Due refreshes are done within seconds, many at a time. */
const longBacklog = 100;

export function checkStatus(status: BrokerStatus): Finding[] {
  return [
    checkEnvironment(status),
    checkDatabase(status),
    checkAuditGrants(status),
    checkSealing(status),
    checkKeyAges(status),
    checkRefreshes(status),
    checkEndpoints(status),
  ];
}

const statusChecks = ['environment', 'database', 'audit grants', 'sealing', 'key ages', 'refreshes', 'endpoints'];

/** The same checks where nothing could be read. */
export function skipStatus(because: string): Finding[] {
  return statusChecks.map((check) => skipped(check, because));
}

function checkEnvironment({ environment }: BrokerStatus): Finding {
  if (environment === 'production') return ok('environment', 'production');
  return warn(
    'environment',
    'development: plain http and loopback addresses are allowed, and return URLs need no registration',
    'Set NEXUS_ENV=production on Broker and Gateway before real accounts are connected.',
  );
}

function checkDatabase({ database, migrations }: BrokerStatus): Finding {
  const newest = migrations.at(-1);
  if (newest !== undefined) return ok('database', `${database}, ${migrations.length} migrations, newest ${newest}`);
  return fail(
    'database',
    `${database} without a single migration`,
    'Look whether DATABASE_URL of the Broker names the right database.',
  );
}

function checkAuditGrants({ audit_grants: held, database }: BrokerStatus): Finding {
  if (held) return ok('audit grants', 'the database itself refuses to change or delete audit entries');
  return warn(
    'audit grants',
    'the database would let this Broker change or delete audit entries',
    database === 'postgres'
      ? 'Give the Broker a role of its own and the migrations another: docs/operations/audit-log.md.'
      : 'SQLite knows no roles. Ship checkpoints elsewhere, or use PostgreSQL: docs/operations/audit-log.md.',
  );
}

function checkSealing({ sealing }: BrokerStatus): Finding {
  const { refused, lag_seconds: lag } = sealing;
  if (refused > 0) {
    return fail(
      'sealing',
      `${refused} ${refused === 1 ? 'entry' : 'entries'} that no audit key vouches for`,
      'Somebody wrote into the log past the Broker. Run nexus-cli audit verify, and see docs/operations/audit-log.md.',
    );
  }
  const found = `${sealing.sealed} entries sealed, the oldest unsealed one ${Math.round(lag)} s old`;
  const mend = 'Look into the log of the Broker that seals: entries should be sealed within a second.';
  if (lag > sealingLate.failSeconds) return fail('sealing', found, mend);
  if (lag > sealingLate.warnSeconds) return warn('sealing', found, mend);
  return ok('sealing', lag === 0 ? `${sealing.sealed} entries, all sealed` : found);
}

function checkKeyAges({ keys }: BrokerStatus): Finding {
  const active = keys.filter(({ state }) => state === 'active');
  const days = (seconds: number): number => Math.floor(seconds / daySeconds);
  const old = active.filter((key) => days(key.age_seconds) >= oldKeyDays);
  if (active.length === 0) {
    return fail('key ages', 'no data key is active', 'Run nexus-cli vault status, then nexus-cli vault rotate.');
  }
  if (old.length > 0) {
    const named = old.map((key) => `${key.purpose} ${key.id} is ${days(key.age_seconds)} days old`).join(', ');
    const [only] = old.length === 1 ? old : [];
    return warn('key ages', named, `Run nexus-cli vault rotate${only === undefined ? '' : ` ${only.purpose}`}.`);
  }
  const oldest = Math.max(...active.map((key) => key.age_seconds));
  return ok('key ages', `${active.length} active data keys, the oldest ${days(oldest)} days old`);
}

function checkRefreshes({ refresh }: BrokerStatus): Finding {
  const { backlog, in_doubt: inDoubt, unsaved } = refresh;
  const found = `${backlog} due, ${inDoubt} in doubt, ${unsaved} waiting for the database`;
  if (unsaved > 0) {
    return fail(
      'refreshes',
      found,
      'Mend the database and keep renewals.spool of that Broker: docs/operations/troubleshoot.md.',
    );
  }
  if (inDoubt > 0) {
    return warn(
      'refreshes',
      found,
      'A few after a crash go away by themselves; nexus-cli audit query --event-type token.refresh_in_doubt shows all.',
    );
  }
  if (backlog > longBacklog) {
    return warn('refreshes', found, 'See "The backlog grows" in docs/operations/troubleshoot.md.');
  }
  return ok('refreshes', found);
}

function checkEndpoints({ refresh: { blocked } }: BrokerStatus): Finding {
  if (blocked.length === 0) return ok('endpoints', 'no token endpoint is blocked');
  const stopped = blocked.some(({ state }) => state === 'stopped');
  return warn(
    'endpoints',
    blocked.map(({ key, state }) => `${key} ${state}`).join(', '),
    stopped
      ? 'stopped: the provider refuses the client; correct client_id and client_secret of the profile.'
      : 'open: the provider failed too often and is tried by itself; if only Nexus cannot reach it, check DNS and proxy.',
  );
}
