/** What became of every grant, by the word of its provider, the database and the audit log. */
import { setTimeout as sleep } from 'node:timers/promises';
import { asSealedBlob, openJson, type Vault } from '@nexus/vault/vault';
import { runSql } from '../support/sql.js';
import { type KillRefreshReport, type RefreshWorld, type Run, read, setExpiry } from './refresh-world.js';
import { contextOf, openStoredVault } from './seed-connections.js';

interface Judgement extends KillRefreshReport {
  readonly violations: string[];
  readonly counts: Map<string, number>;
}

const leaseMs = 31_000;
const settleMs = 40_000;
/** A Broker that starts alone need not wait for anybody (R11). */
const ownRestartMs = 2_000;
const atOnce = 8;

export async function judgeGrants(world: RefreshWorld, runs: readonly Run[]): Promise<KillRefreshReport> {
  const judgement: Judgement = { violations: [], counts: new Map() };
  const wasKilled = runs.some(({ moment }) => moment === 'asked' || moment === 'answered');
  if (world.nodes.length > 1 && wasKilled) await sleep(leaseMs);
  const vault = await openStoredVault(world.stack);
  const rest = [...runs];
  const next = async (): Promise<void> => {
    for (let run = rest.pop(); run !== undefined; run = rest.pop()) await judgeRun(world, vault, run, judgement);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  return judgement;
}

async function judgeRun(world: RefreshWorld, vault: Vault, run: Run, judgement: Judgement): Promise<void> {
  const { grant, moment } = run;
  const { provider } = grant.at;
  const violate = (what: string, detail: unknown) =>
    judgement.violations.push(`${what}: ${JSON.stringify({ moment, at: grant.at.name, ref: grant.ref, detail })}`);
  const count = (what: string) => judgement.counts.set(what, (judgement.counts.get(what) ?? 0) + 1);
  if ((run.recoveredInMs ?? 0) > ownRestartMs) violate('R11 an own restart takes over at once', run.recoveredInMs);
  if (!run.isDeleted) await settle(world, run);
  const [row] = await runSql(world.stack, 'select * from connection where connection_ref = ?', [grant.ref]);
  const status = String(row?.['status']);
  const reason = row?.['reason'] ?? null;
  const counts = provider.count(grant.family);
  count(`${moment} at ${grant.at.name}: ${status}${reason === null ? '' : ` (${String(reason)})`}`);
  if (counts.openAtOnce > 1) violate('I1 one request is open at a time', counts);
  const mayLose = !['calm', 'slow', 'failing', 'throttled'].includes(moment);
  if (counts.reuses > 0 && !mayLose) violate('I2 no used refresh token is shown again', counts);
  await judgeLog(world, run, violate);
  if (run.isDeleted) {
    if (status !== 'revoked') violate('I13 what is deleted stays so', status);
    if (counts.isAlive) violate('R18 what a deletion ends is revoked', counts);
    return;
  }
  if (status === 'attention') {
    const isLost = mayLose && grant.at.graceSeconds === 0;
    if (reason !== 'lost_rotation' || !isLost) violate('R4 only a rotation that was lost is told as lost', reason);
    return;
  }
  if (status !== 'active' || row === undefined) {
    violate('a connection is active or in attention', status);
    return;
  }
  const blob = asSealedBlob(new Uint8Array(row['sealed_credential'] as Uint8Array));
  const held = (await openJson(vault, blob, contextOf(row))) as { refreshToken: string };
  const newest = provider.families.newest(grant.family);
  if (held.refreshToken !== newest)
    violate('I5 the newest refresh token is stored', { held: held.refreshToken, newest });
  if (!counts.isAlive) violate('R4 a lost grant is never silent', counts);
}

/** Lets the token end, and reads until somebody says what became of it. */
async function settle(world: RefreshWorld, { grant }: Run): Promise<void> {
  await setExpiry(world.stack, grant, -5);
  const deadline = Date.now() + settleMs;
  for (let turn = 0; Date.now() < deadline; turn++) {
    const node = world.nodes[turn % world.nodes.length] ?? world.nodes[0];
    const answer = await read(node, grant);
    if (answer?.status === 200 || answer?.status === 409) return;
    await sleep(200);
  }
}

const outcomes = [
  'token.refreshed',
  'token.refresh_failed',
  'token.refresh_in_doubt',
  'token.refresh_sibling',
  'connection.attention',
];

/** Each intent has one outcome, and there are at least as many as the provider saw calls. */
async function judgeLog(
  world: RefreshWorld,
  { grant, isDeleted }: Run,
  violate: (what: string, detail: unknown) => void,
): Promise<void> {
  const rows = await runSql(world.stack, 'select event_type, entry from audit_event where connection_ref = ?', [
    grant.ref,
  ]);
  const byIntent = new Map<string, string[]>();
  for (const row of rows) {
    const type = String(row['event_type']);
    const { data } = JSON.parse(String(row['entry'])) as { data: { intent_id?: string } };
    if (!outcomes.includes(type) || data.intent_id === undefined) continue;
    byIntent.set(data.intent_id, [...(byIntent.get(data.intent_id) ?? []), type]);
  }
  const doubled = [...byIntent.values()].filter(({ length }) => length > 1);
  if (doubled.length > 0) violate('I12 each intent has one outcome', doubled);
  const { calls } = grant.at.provider.count(grant.family);
  if (!isDeleted && calls > byIntent.size)
    violate('I12 each call has an outcome', { calls, told: [...byIntent.values()] });
}
