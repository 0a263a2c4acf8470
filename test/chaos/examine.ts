/** Examines what a restarted Broker kept, while all requests wait. */
import { createHash } from 'node:crypto';
import { runSql } from '../support/sql.js';
import { waitFor } from '../support/wait.js';
import type { Outcome } from './gated-client.js';
import type { TrackedConnection } from './ledger.js';
import { judgeRead, remember, remove, type World } from './workers.js';

/** Looks at the connections something happened to, or at all, and at the audit log of the time since then. */
export async function examine(world: World, since: Date, which: 'touched' | 'all' = 'touched'): Promise<void> {
  const known = [...world.ledger.connections.values()];
  const rest = known.filter((connection) => which === 'all' || connection.isDirty);
  const next = async (): Promise<void> => {
    for (let connection = rest.pop(); connection !== undefined; connection = rest.pop()) {
      await examineConnection(world, connection);
    }
  };
  await Promise.all(Array.from({ length: 6 }, next));
  await expectAudited(world, since);
}

async function examineConnection(world: World, connection: TrackedConnection): Promise<void> {
  const { ledger, stack } = world;
  if (connection.deletion === 'asked') await remove(world, connection, true);
  const row = await stack.broker('GET', `/admin/v1/connections/${connection.ref}`);
  const { status } = row.body;
  const context = { ref: connection.ref, kind: connection.kind, status, reason: row.body.reason };
  connection.isDirty = false;
  if (row.status !== 200) ledger.violate('a tracked connection has a row', { ...context, body: row.body });
  const before = remember(connection);
  const read = await world.client.sendAtOnce('GET', `/v1/token/${connection.id}`);
  if (read.kind === 'lost') {
    // The lease of a killed Broker runs out by itself where replicas are possible; until then a refresh waits.
    connection.isDirty = true;
    if (connection.provider?.isShortLived !== true) ledger.violate('a ready Broker answers a read', context);
    return;
  }
  if (before.wasAcknowledged || status === 'active') judgeRead(ledger, { ...connection }, read, expectReadable(before));
  if (status === 'active' && read.answer.status === 200) await expectAlive(world, connection, read);
  const isExpected =
    status === 'active' ||
    (status === 'pending' && !connection.acknowledged) ||
    (status === 'attention' && connection.refreshInDoubt && !world.isGraceful) ||
    // A handle whose application never came back with the verifier runs out after two minutes.
    (connection.kind === 'bound' && !connection.acknowledged && row.body.reason?.code === 'not_completed') ||
    // A long run outlives the ten minutes of a flow that nobody finished.
    (!connection.acknowledged && row.body.reason?.code === 'expired' && isOlderThanFlow(row.body.created_at)) ||
    (status === 'revoked' && connection.deletion === 'acknowledged');
  if (!isExpected) ledger.violate('a connection ends in a state its history explains', context);
  if (status !== 'active' && row.body.status !== 'attention' && read.answer.status === 200) {
    ledger.violate('only an active connection is readable', context);
  }
}

const flowMs = 600_000;

function isOlderThanFlow(createdAt: string): boolean {
  return Date.now() - Date.parse(createdAt) > flowMs;
}

/** An active row must be readable even where the application never heard of its success. */
function expectReadable(before: ReturnType<typeof remember>): ReturnType<typeof remember> {
  return { ...before, wasAcknowledged: true };
}

async function expectAlive(world: World, connection: TrackedConnection, read: Outcome): Promise<void> {
  if (connection.provider === null || read.kind === 'lost') return;
  if (await connection.provider.server.isTokenActive(read.answer.body.credentials.access_token)) return;
  const context = { ref: connection.ref, kind: connection.kind, inDoubt: connection.refreshInDoubt };
  if (!connection.refreshInDoubt || world.isGraceful) {
    world.ledger.violate('an active connection holds a living credential', context);
    return;
  }
  // The provider punished a refresh token that was used twice; the next refresh must find that out.
  const again = await world.client.sendAtOnce('POST', `/v1/refresh/${connection.id}`);
  const isFoundOut = again.kind === 'lost' || again.answer.body.code === 'attention_required';
  if (!isFoundOut && !(again.kind === 'answered' && again.answer.body.refreshed === false)) {
    world.ledger.violate('a dead credential is found out', { ...context, answer: again });
  }
  connection.isDirty = true;
}

const clockSlackMs = 5_000;

/** A9: whatever secret a client received has its committed entry. */
async function expectAudited(world: World, since: Date): Promise<void> {
  const disclosures = world.ledger.takeUnverified();
  const from = new Date(since.getTime() - clockSlackMs).toISOString();
  const recorded = new Set<string>();
  let cursor = '';
  do {
    const query = new URLSearchParams({ event_type: 'token.retrieved', since: from, limit: '500' });
    if (cursor !== '') query.set('cursor', cursor);
    const page = await world.stack.broker('GET', `/audit?${query.toString()}`);
    for (const event of page.body.events) recorded.add(event.request_id);
    cursor = page.body.next_cursor ?? '';
  } while (cursor !== '');
  for (const disclosure of disclosures) {
    if (!recorded.has(disclosure.requestId)) {
      world.ledger.violate('a received credential has its audit entry (A9)', { ...disclosure });
    }
  }
  world.ledger.count('disclosures found in the audit log', disclosures.length);
}

/** At the end: lets the time of every flow be over, and expects each to have ended and every row to be whole. */
export async function examineEnd(world: World): Promise<void> {
  const { stack, ledger } = world;
  const past = new Date(Date.now() - 3_600_000).toISOString();
  await runSql(stack, 'update flow set expires_at = ?', [past]);
  await runSql(stack, 'update flow set handle_expires_at = ? where handle_expires_at is not null', [past]);
  await runSql(stack, 'update connection set pending_until = ? where pending_until is not null', [past]);
  await waitFor('bound results nobody completed are discarded', async () => {
    const [row] = await runSql(stack, "select count(*) as n from flow where status = 'awaiting_completion'");
    return Number(row?.['n']) === 0 ? true : null;
  });
  for (const connection of ledger.connections.values()) {
    const check = await stack.gateway('GET', `/v1/check-connection/${connection.id}`);
    if (check.body.status === 'pending') ledger.violate('no connection stays pending', { ref: connection.ref });
    ledger.count(`ended ${check.body.status}`);
  }
  await expectWholeRows(world);
}

/** Each stored credential is the very one its audit entry witnessed: row and log never part. */
async function expectWholeRows(world: World): Promise<void> {
  const { stack, ledger } = world;
  const witnesses = new Set<string>();
  for (const row of await runSql(stack, "select entry from audit_event where entry like '%blob_sha256%'")) {
    const { store } = JSON.parse(String(row['entry']));
    witnesses.add(`${store.row} ${store.version} ${store.blob_sha256}`);
  }
  const rows = await runSql(stack, 'select connection_ref, status, version, sealed_credential from connection');
  for (const row of rows) {
    const { connection_ref: ref, status, version, sealed_credential: sealed } = row;
    if (!(sealed instanceof Uint8Array)) {
      if (status === 'active') ledger.violate('an active row has a credential', { ref });
      continue;
    }
    const digest = createHash('sha256').update(sealed).digest('hex');
    if (!witnesses.has(`${String(ref)} ${String(version)} ${digest}`)) {
      ledger.violate('a stored credential has its audit entry', { ref, status, version });
    }
  }
  ledger.count('stored credentials with their witness', rows.length);
  if (stack.engine === 'sqlite') {
    const [check] = await runSql(stack, 'pragma integrity_check');
    if (check?.['integrity_check'] !== 'ok') ledger.violate('the database file is whole', { check });
  }
}
