/**
 * Compares the log of a database with checkpoints kept outside of it. A log that is shorter was rolled back: by a
 * restore, or by somebody who wants something forgotten. An operator may accept that, and the log then says so.
 */
import type { Checkpoint } from '@nexus/audit-chain/signed-note';
import type { Vault } from '@nexus/vault/vault';
import { findEntryFault } from '../audit/check-entry.js';
import type { AuditEntry } from '../domain/audit-event.js';
import type { Database, Stores } from '../stores/database.js';
import { BackupError, commandExits } from './backup-error.js';
import { type KnownCheckpoint, readNewest } from './known-checkpoints.js';

type LogStores = Pick<Stores, 'audit' | 'auditChain'>;

/** What a rollback keeps and gives up. */
export interface Rollback {
  /** Up to here the log agrees with every checkpoint. */
  readonly size: number;
  /** The hash of that link in hex; null before the first, and for one that was pruned. */
  readonly head: string | null;
  /** Of the longest checkpoint that is given up. */
  readonly abandonedSize: number;
  readonly abandonedHead: string;
  /** When the newest of them was made. */
  readonly abandonedAt: string;
}

/** An accepted rollback, as its entry tells. */
export interface Accepted {
  readonly createdAt: string;
  readonly size: number;
  readonly abandonedSize: number;
}

interface LogDeps {
  readonly stores: LogStores;
  readonly vault: Pick<Vault, 'mac' | 'knows' | 'learn'>;
}

const acceptedLimit = 500;

/**
 * - `fits`: the log goes through the checkpoint, or an accepted rollback gave it up.
 * - `older`: the log is from before the checkpoint was made.
 * - `different`: it is another log.
 */
type Judgement = 'fits' | 'older' | 'different';

/**
 * The start's look at the newest checkpoint it kept (K10).
 *
 * @throws BackupError 13 when the log does not go through it.
 */
export async function expectKnownHistory(
  { database, vault }: { readonly database: Database; readonly vault: LogDeps['vault'] },
  checkpointFile: string,
): Promise<void> {
  const newest = await readNewest(checkpointFile);
  if (newest === null) return;
  const { stores } = database;
  const judgement = await judge(stores, newest);
  if (judgement === 'fits' || wasGivenUp(newest.checkpoint, await listAccepted({ stores, vault }))) return;
  const { size, createdAt } = newest.checkpoint;
  const fault =
    judgement === 'older'
      ? 'which the database does not have: it is older than it was'
      : 'but the audit log is another one';
  throw new BackupError(
    commandExits.history,
    `checkpoints.log has a checkpoint of ${size} entries, made ${createdAt}, ${fault}. If it was put back on purpose, ` +
      'accept that with: npm run broker -- restore --accept-rollback',
  );
}

/**
 * Refuses to begin a new log beside checkpoints of another one, before anything is created.
 *
 * @throws BackupError 13.
 */
export async function refuseEmptyDatabase(database: Database, checkpointFile: string): Promise<void> {
  const newest = await readNewest(checkpointFile);
  if (newest === null || (await database.stores.keyRing.list()).length > 0) return;
  const { size, createdAt } = newest.checkpoint;
  throw new BackupError(
    commandExits.history,
    `The database is empty, but checkpoints.log has a checkpoint of ${size} entries, made ${createdAt}. ` +
      'Restore a backup with: npm run broker -- restore --from FOLDER. To begin anew, move checkpoints.log away.',
  );
}

async function judge({ auditChain }: LogStores, { note, checkpoint }: KnownCheckpoint): Promise<Judgement> {
  const { size, headHash } = checkpoint;
  const first = await auditChain.first();
  const isPruned = first !== null && first.seq > size;
  const link = await auditChain.find(size);
  if (link === null && !isPruned) return 'older';
  // The hash of a link that was pruned is in the one after it.
  const hash = link?.hash ?? (first?.seq === size + 1 ? first.prevHash : headHash);
  if (Buffer.compare(hash, headHash) !== 0) return 'different';
  // The row of a checkpoint is there before its line in the file, and it stays when the links before it are pruned.
  const [stored] = await auditChain.listCheckpoints({ from: size, to: size, limit: 1 });
  if (stored === undefined) return 'older';
  return stored.note === note ? 'fits' : 'different';
}

/** What a later history signed was never given up, however long it is: the entry is older than that. */
export function wasGivenUp({ size, createdAt }: Checkpoint, accepted: readonly Accepted[]): boolean {
  return accepted.some((entry) => entry.size < size && size <= entry.abandonedSize && createdAt <= entry.createdAt);
}

/** Those that a Broker wrote: an audit key vouches for each. */
export async function listAccepted({ stores, vault }: LogDeps): Promise<readonly Accepted[]> {
  const found = await stores.audit.list({ eventTypes: ['backup.rollback_accepted'], limit: acceptedLimit });
  const accepted: Accepted[] = [];
  for (const { entry } of found) {
    const read = (await findEntryFault(vault, entry)) === null ? readAccepted(entry) : null;
    if (read !== null) accepted.push(read);
  }
  return accepted;
}

function readAccepted({ createdAt, entry }: AuditEntry): Accepted | null {
  const { data } = JSON.parse(entry) as { readonly data: Readonly<Record<string, unknown>> };
  const { size, abandoned_size: abandonedSize } = data;
  if (typeof size !== 'number' || typeof abandonedSize !== 'number') return null;
  return { createdAt, size, abandonedSize };
}
