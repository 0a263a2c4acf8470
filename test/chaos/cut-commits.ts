/**
 * Cuts the Broker's connection to PostgreSQL at the COMMIT of a refresh: before the server gets it, when the server has
 * got it, and when the server has answered. What happened must be read from the database, never guessed (O7).
 */
import { createScratchDatabase } from '@nexus/testkit/postgres';
import { type CommitFate, startTcpFaultProxy, type TcpFaultProxy } from '@nexus/testkit/tcp-fault-proxy';
import { openJson } from '@nexus/vault/vault';
import { type FaultyOauth, registerFaultyOauth } from '../support/faulty-oauth.js';
import { createSeededRandom } from '../support/seeded-random.js';
import { runSql } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';
import { contextOf, openStoredVault, type SeededConnection } from './seed-connections.js';

/** The transactions of a refresh, in their order: the lease, the new credential, the record of the disclosure. */
const steps = {
  claim: /"lease_epoch" = /,
  store: /set .*"sealed_credential" = /,
  disclose: /^insert into "audit_event"/,
};
type Step = keyof typeof steps;

interface Cut {
  readonly step: Step;
  readonly fate: CommitFate;
  isMade: boolean;
}

export interface CutReport {
  readonly violations: readonly string[];
  /** Runs by step and fate. */
  readonly counts: ReadonlyMap<string, number>;
  /** How long the callers had to wait for the token, in ms. */
  readonly waits: readonly number[];
}

interface CutOptions {
  readonly runs: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
}

const atOnce = 6;

export async function cutCommits({ runs, seed, onProgress }: CutOptions): Promise<CutReport> {
  const random = createSeededRandom(seed);
  const cuts = new Map<string, Cut>();
  const scratch = await createScratchDatabase();
  const proxy = await startProxy(scratch.url, cuts);
  const world = await startWorld(scratch.url, proxy);
  const report = { violations: [] as string[], counts: new Map<string, number>(), waits: [] as number[] };
  try {
    const waiting = [...(await world.provider.connectMany(runs))];
    let done = 0;
    const work = async (): Promise<void> => {
      for (let connection = waiting.pop(); connection !== undefined; connection = waiting.pop()) {
        const cut: Cut = {
          step: random.pick<Step>(['claim', 'store', 'store', 'disclose']),
          fate: random.pick<CommitFate>(['before', 'sent', 'answered']),
          isMade: false,
        };
        report.waits.push(await refreshThrough(world, cuts, connection, cut));
        const violations = await examine(world, connection, cut);
        report.violations.push(...violations.map((what) => `${cut.step}/${cut.fate}: ${what}`));
        const label = `${cut.step}/${cut.fate}`;
        report.counts.set(label, (report.counts.get(label) ?? 0) + 1);
        done += 1;
        if (done % 50 === 0) onProgress?.(`${done} of ${runs}: ${report.violations.length} violations`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return report;
  } finally {
    await world.stack.close();
    await Promise.all([world.provider.close(), proxy.close()]);
    await scratch[Symbol.asyncDispose]();
  }
}

function startProxy(databaseUrl: string, cuts: ReadonlyMap<string, Cut>): Promise<TcpFaultProxy> {
  const { hostname, port } = new URL(databaseUrl);
  return startTcpFaultProxy({
    target: { host: hostname, port: Number(port) },
    onCommit: ({ statements, hasParameter }) => {
      for (const [connectionRef, cut] of cuts) {
        if (cut.isMade || !statements.some((text) => steps[cut.step].test(text))) continue;
        // The record of the renewal is written beside the credential, and is not the one of the disclosure.
        if (cut.step === 'disclose' && statements.some((text) => text.startsWith('update'))) continue;
        if (!hasParameter(connectionRef)) continue;
        cut.isMade = true;
        return cut.fate;
      }
      return 'pass';
    },
  });
}

interface World {
  readonly stack: Stack;
  readonly provider: FaultyOauth;
}

async function startWorld(databaseUrl: string, proxy: TcpFaultProxy): Promise<World> {
  const throughProxy = new URL(databaseUrl);
  throughProxy.port = String(proxy.port);
  const stack = await startStack({
    engine: 'postgres',
    databaseUrl,
    brokerEnv: { DATABASE_URL: throughProxy.href, LOG_LEVEL: 'warn' },
    gatewayEnv: { LOG_LEVEL: 'warn' },
  });
  return { stack, provider: await registerFaultyOauth(stack, { rotation: 'strict' }) };
}

/** Lets the token have run out, and reads until it is there. */
async function refreshThrough(
  { stack }: World,
  cuts: Map<string, Cut>,
  { id, ref }: SeededConnection,
  cut: Cut,
): Promise<number> {
  await runSql(stack, 'update connection set access_expires_at = 1 where connection_ref = ?', [ref]);
  cuts.set(ref, cut);
  const askedMs = performance.now();
  try {
    await waitFor(
      `the token after ${cut.step}/${cut.fate}`,
      async () => ((await stack.gateway('GET', `/v1/token/${id}`)).status === 200 ? true : null),
      60_000,
    );
  } finally {
    cuts.delete(ref);
  }
  return performance.now() - askedMs;
}

async function examine(
  { stack, provider }: World,
  { ref, secret, id }: SeededConnection,
  cut: Cut,
): Promise<readonly string[]> {
  const violations: string[] = [];
  if (!cut.isMade) violations.push(`no such COMMIT was seen for ${ref}`);
  const counts = provider.count(secret);
  const expected = { calls: 1, openAtOnce: 1, reuses: 0, isAlive: true };
  if (JSON.stringify(counts) !== JSON.stringify(expected)) violations.push(`${ref}: ${JSON.stringify(counts)}`);
  const [row] = await runSql(stack, 'select * from connection where connection_ref = ?', [ref]);
  const held = await openJson(await openStoredVault(stack), row?.['sealed_credential'] as never, contextOf(row ?? {}));
  const newest = provider.families.newest(secret);
  const { refreshToken, accessToken } = held as { refreshToken?: unknown; accessToken?: unknown };
  if (refreshToken !== newest) violations.push(`${ref} holds ${refreshToken} while ${newest} is the newest`);
  // Disclosures are recorded together, so the cut of another one's record may be felt here.
  const read = await waitFor('a read of what is stored', async () => {
    const answer = await stack.gateway('GET', `/v1/token/${id}`);
    return answer.status === 503 ? null : answer;
  });
  if (read.body.credentials?.access_token !== accessToken) violations.push(`${ref} reads as ${JSON.stringify(read)}`);
  const refreshed = await runSql(
    stack,
    `select 1 as found from audit_event where connection_ref = ? and event_type = 'token.refreshed'`,
    [ref],
  );
  if (refreshed.length !== 1) violations.push(`${ref} has ${refreshed.length} records of its refresh`);
  if (Number(row?.['version']) !== 2) violations.push(`${ref} is at version ${row?.['version']}`);
  return violations;
}
