/** Writes into a database what was done to it, sealed and under a checkpoint, before anybody serves from it. */
import { sealingLimitMs } from '@nexus/audit-chain/export-format';
import { type Clock, toInstant } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import { AuditLog } from '../audit/audit-log.js';
import { ChainPosition } from '../audit/chain-position.js';
import { CheckpointWriter } from '../audit/checkpoint-writer.js';
import { DatabaseClock } from '../audit/database-clock.js';
import { EntrySealer } from '../audit/entry-sealer.js';
import type { AuditEvent } from '../domain/audit-event.js';
import { systemOrigin } from '../domain/request-context.js';
import type { Database } from '../stores/database.js';
import { BackupError, commandExits } from './backup-error.js';
import type { Manifest } from './manifest.js';
import type { Rollback } from './rollback.js';
import type { Damage } from './verify-database.js';

interface RecordInput {
  readonly database: Database;
  readonly vault: Vault;
  /** Null where no backup was put in place: the rollback alone is accepted. */
  readonly manifest: Manifest | null;
  readonly rollback: Rollback | null;
  /** What was found and accepted. */
  readonly damage: Damage | null;
}

/**
 * Returns the lines that belong into the file of checkpoints once the database is in its place.
 *
 * @throws BackupError 1 while the database's clock is behind the newest checkpoint: the log would not tell afterwards
 * which of the two came first.
 */
export async function recordRestore(input: RecordInput): Promise<string> {
  const { database, vault, rollback, damage } = input;
  const clock = await DatabaseClock.open(database);
  if (rollback !== null && toInstant(clock.now()) <= rollback.abandonedAt) {
    const message = `The clock shows ${toInstant(clock.now())}, before the newest checkpoint, ${rollback.abandonedAt}. Set it first, or remove the line of that checkpoint if no Broker wrote it.`;
    throw new BackupError(commandExits.failed, message);
  }
  const position = new ChainPosition({ database, vault });
  // The entry that tells of the damage is sealed on top of it.
  if (damage !== null) await position.adopt();
  const sealer = new EntrySealer({ database, vault, clock, position, onRefused: () => undefined });
  // What no Broker came to seal is older than what follows.
  await sealer.seal(sealingLimitMs, async () => true);
  await insertEntries(database, vault, clock, listEvents(input));
  await sealer.seal(sealingLimitMs, async () => true);
  return writeCheckpoint(database, vault, clock, position);
}

function listEvents({ manifest, rollback, damage }: RecordInput): readonly AuditEvent[] {
  const events: AuditEvent[] = [];
  const accepted = damage === null ? {} : { damage_codes: damage.codes, damage_count: damage.count };
  if (manifest !== null) {
    const { sha256, chain, created_at } = manifest;
    events.push({
      eventType: 'backup.restored',
      outcome: 'success',
      data: { sha256, size: chain.size, head: chain.head, created_at, ...accepted },
    });
  }
  if (rollback !== null) {
    const { size, head, abandonedSize, abandonedHead } = rollback;
    events.push({
      eventType: 'backup.rollback_accepted',
      outcome: 'success',
      data: { size, head, abandoned_size: abandonedSize, abandoned_head: abandonedHead, ...accepted },
    });
  }
  return events;
}

async function insertEntries(
  database: Database,
  vault: Vault,
  clock: Clock,
  events: readonly AuditEvent[],
): Promise<void> {
  const audit = new AuditLog({ database, vault, clock, file: null, onError: () => undefined });
  const entries = events.map((event) => audit.entry(event, systemOrigin('restore')));
  await database.transaction((stores) => stores.audit.insert(entries));
  await audit.close();
}

async function writeCheckpoint(
  database: Database,
  vault: Vault,
  clock: Clock,
  position: ChainPosition,
): Promise<string> {
  const lines: string[] = [];
  const file = { append: async (line: string) => void lines.push(line) };
  await new CheckpointWriter({ database, vault, clock, position, file, announce: () => undefined }).write();
  return lines.join('');
}
