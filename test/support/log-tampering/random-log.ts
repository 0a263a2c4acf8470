/** Logs of random size and history, as a Broker would have written them. */
import { LogFixture } from '@nexus/audit-chain/log-fixture';
import type { SeededRandom } from '../seeded-random.js';

const rows = ['c1', 'c2', 'c3', 'c4', 'c5'] as const;
/** So many links stay after pruning, to be manipulated. */
const keptLinks = 6;

export function createRandomLog(random: SeededRandom): LogFixture {
  const log = new LogFixture(`log ${random.below(2 ** 31)}`);
  let keyId = 5;
  const steps = 8 + random.below(60);
  for (let step = 0; step < steps; step++) {
    appendRandomEntry(log, random, step);
    if (random.below(4) === 0) log.seal();
    if (random.below(9) === 0) log.checkpoint();
    if (random.below(30) === 0) {
      keyId += 1;
      log.rotateKey(keyId);
    }
    if (random.below(25) === 0) pruneSome(log, random);
  }
  log.checkpoint();
  if (log.archives.length === 0 && random.below(3) === 0) {
    pruneSome(log, random);
    log.checkpoint();
  }
  // Some entries come after the last checkpoint, and the newest were not sealed yet.
  for (let step = random.below(4); step > 0; step--) appendRandomEntry(log, random, step);
  log.seal();
  log.pass(300);
  for (let step = 1 + random.below(3); step > 0; step--) log.append({ event_type: 'auth.failed', data: { code: 'x' } });
  return log;
}

function appendRandomEntry(log: LogFixture, random: SeededRandom, step: number): void {
  const row = random.pick(rows);
  const blob = `blob ${step} ${random.below(1_000_000)}`;
  const write = random.below(10);
  if (write === 0) log.appendWrite('connection', row, null);
  else if (write < 4) log.appendWrite('connection', row, blob);
  else if (write === 4) log.appendWrite('provider', `p-${row}`, blob);
  else if (write === 5) log.appendWrite('agent_session', `s-${row}`, blob);
  else if (write === 6) reseal(log, blob);
  else if (write === 7) log.append({ event_type: 'session.created', agent_id: 'agent-1', workspace_id: 'ws-1' });
  else log.append({ event_type: 'token.retrieved', connection_ref: row, data: { version: step, scopes: ['a', 'ü'] } });
}

function reseal(log: LogFixture, blob: string): void {
  const stored = [...log.store].filter(([key, { sha256 }]) => key.startsWith('connection\n') && sha256 !== null);
  const names = stored.map(([key]) => key.split('\n')[1] ?? '');
  if (names.length > 0) log.appendResealed('connection', names.slice(0, 2), blob);
}

/** What a checkpoint covers may be pruned. */
function pruneSome(log: LogFixture, random: SeededRandom): void {
  const covered = log.tables.checkpoints.at(-1)?.size ?? 0;
  const first = log.tables.links[0]?.seq ?? 1;
  const prunable = Math.min(covered, log.size - keptLinks) - first;
  if (prunable > 0) log.prune(first + random.below(prunable));
}
