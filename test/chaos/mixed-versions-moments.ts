/** What load does not meet by chance: a Broker that dies in a call, and what the old version does not do for the new one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { runCli } from '../support/nexus-cli.js';
import type { Replica } from '../support/replica.js';
import { runSql, setAccessExpiry } from '../support/sql.js';
import {
  connectAt,
  count,
  type MixedConnection,
  type MixedWorld,
  type VersionedNode,
  violate,
} from './mixed-versions-world.js';

const inCall = 4;
/** A lease of 30 s has to run out first. */
const patienceMs = 45_000;

/** One Broker dies while its provider's answers are on their way; the other version takes the connections over. */
export async function takeOver(
  world: MixedWorld,
  dying: Replica,
  dyingNode: VersionedNode,
  heir: VersionedNode,
): Promise<void> {
  const connections: MixedConnection[] = [];
  for (const provider of [world.patient, world.strict]) {
    for (let n = 0; n < inCall; n++) connections.push(...(await connectAt(world, provider)));
  }
  for (const { provider, holds, connection_ref } of connections) {
    provider?.next.set(holds, { kind: 'slow', ms: 5_000 });
    await setAccessExpiry(world.stack, connection_ref);
  }
  const cut = connections.map(({ connection_id }) =>
    dyingNode.gateway('GET', `/v1/token/${connection_id}`).catch(() => null),
  );
  await sleep(1_500);
  await dying.killBroker();
  await Promise.all(cut);
  await Promise.all(connections.map((connection) => expectTakenOver(world, heir, connection)));
}

async function expectTakenOver(world: MixedWorld, heir: VersionedNode, connection: MixedConnection): Promise<void> {
  const { provider, holds, connection_id, connection_ref } = connection;
  const startedAt = performance.now();
  let answer = await heir.gateway('GET', `/v1/token/${connection_id}`);
  while (answer.status === 502 && performance.now() - startedAt < patienceMs) {
    await sleep(500);
    answer = await heir.gateway('GET', `/v1/token/${connection_id}`);
  }
  const [row] = await runSql(world.stack, 'select status, reason from connection where connection_ref = ?', [
    connection_ref,
  ]);
  const told = `${answer.status} ${row?.['status']} ${row?.['reason'] ?? ''}`.trim();
  count(world, `taken over by the ${heir.version} one at ${provider?.name}: ${told}`);
  const isPatient = provider === world.patient;
  connection.isLost = !isPatient;
  const expected = isPatient ? '200 active' : '409 attention lost_rotation';
  // Earlier versions tell every refusal of a refresh token as a revocation.
  const isExpected = told === expected || (!isPatient && heir.version === 'old' && told.startsWith('409 attention'));
  if (!isExpected) violate(world, 'R4 what a dead Broker left is recovered or told of', { told, expected, holds });
}

/** Counts what `docs/operations/upgrade.md` says of the time with two versions. */
export async function observeGaps(world: MixedWorld): Promise<void> {
  const newNode = world.nodes.find(({ version }) => version === 'new');
  const oldNode = world.nodes.find(({ version }) => version === 'old');
  if (newNode === undefined || oldNode === undefined) throw new TypeError('one of each version is needed');
  await observeEvents(world, newNode, oldNode);
  await observeVerify(world);
  await observePatch(world, newNode, oldNode);
  await observePace(world, newNode, oldNode);
}

async function observeEvents(world: MixedWorld, newNode: VersionedNode, oldNode: VersionedNode): Promise<void> {
  const url = world.patient.server.url('/hook');
  const body = { url, events: ['connection.revoked'] };
  const created = await newNode.broker('POST', '/admin/v1/webhooks', { body });
  // A version that has no webhooks is older than what this compares.
  if (created.status !== 201) return violate(world, 'a webhook can be registered', created.body);
  for (const node of [newNode, oldNode]) {
    const [connection] = await connectAt(world, null);
    if (connection === undefined) return;
    const path = `/v1/connections/${connection.connection_id}`;
    await node.gateway('DELETE', path, { key: world.stack.adminKey });
    connection.isDeleted = true;
    const rows = await runSql(world.stack, 'select 1 from webhook_delivery where connection_ref = ?', [
      connection.connection_ref,
    ]);
    count(world, `gap: events of a deletion by the ${node.version} one: ${rows.length}`);
    if (node.version === 'new' && rows.length !== 1) violate(world, 'the new one tells of a deletion', rows.length);
  }
}

/** What each lists of its stored values, against a log that tells of webhooks. */
async function observeVerify(world: MixedWorld): Promise<void> {
  for (const { brokerUrl, version } of world.nodes) {
    const { code } = await runCli(['audit', 'verify', '--store'], { brokerUrl, key: world.stack.adminKey });
    count(world, `gap: audit verify --store at the ${version} one: ${code}`);
    if (version === 'new' && code !== 0) violate(world, 'the audit log verifies at the new one', code);
  }
}

/** A change by the old version of a profile that says how its refresh tokens live. */
async function observePatch(world: MixedWorld, newNode: VersionedNode, oldNode: VersionedNode): Promise<void> {
  const [row] = await runSql(world.stack, 'select provider_id from provider where name = ?', ['strict']);
  const path = `/admin/v1/providers/${row?.['provider_id']}`;
  const patched = await newNode.broker('PATCH', path, { body: { refresh: { rotation: 'strict', grace_seconds: 0 } } });
  if (patched.status !== 200) return violate(world, 'a profile can say how its tokens live', patched.body);
  const changed = await oldNode.broker('PATCH', path, { body: { display_name: 'Strict' } });
  if (changed.status !== 200) return violate(world, 'the old one changes a newer profile', changed.body);
  const { body } = await newNode.broker('GET', path);
  count(world, `gap: rotation after a change by the old one: ${body.refresh?.rotation ?? null}`);
}

async function observePace(world: MixedWorld, newNode: VersionedNode, oldNode: VersionedNode): Promise<void> {
  for (const nodes of [
    [oldNode, newNode],
    [newNode, oldNode],
  ]) {
    const [connection] = await connectAt(world, world.strict);
    if (connection === undefined) return;
    for (const node of nodes) await node.gateway('POST', `/v1/refresh/${connection.connection_id}`);
    const calls = world.strict.count(connection.holds).calls;
    count(
      world,
      `gap: calls when forced at the ${nodes.map(({ version }) => version).join(', then at the ')}: ${calls}`,
    );
  }
}
