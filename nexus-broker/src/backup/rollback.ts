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
import { readNewest } from './known-checkpoints.js';

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
 * - `ahead`: the log ends before it.
 * - `different`: the log is long enough and another one.
 */
export type Judgement = 'fits' | 'ahead' | 'different';

export async function judgeCheckpoint(deps: LogDeps, checkpoint: Checkpoint): Promise<Judgement> {
  const judgement = await compare(deps.stores, checkpoint);
  if (judgement === 'fits') return 'fits';
  return wasGivenUp(checkpoint, await listAccepted(deps)) ? 'fits' : judgement;
}

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
  const judgement = await judgeCheckpoint({ stores: database.stores, vault }, newest);
  if (judgement === 'fits') return;
  const head = await database.stores.auditChain.head();
  const known = `checkpoints.log has a checkpoint of ${newest.size} entries, made ${newest.createdAt}`;
  const fault =
    judgement === 'ahead'
      ? `The audit log ends after ${head?.seq ?? 0} entries, but ${known}: the database is older than it was.`
      : `The audit log is not the one it was: ${known}, which it does not go through.`;
  throw new BackupError(
    commandExits.history,
    `${fault} If it was put back on purpose, accept that with: npm run broker -- restore --accept-rollback`,
  );
}

/**
 * Refuses to begin a new log beside checkpoints of another one, before anything is created.
 *
 * @throws BackupError 13.
 */
export async function refuseEmptyDatabase(database: Database, checkpointFile: string): Promise<void> {
  const newest = await readNewest(checkpointFile);
  const { keyRing, keys } = database.stores;
  // Data without a key ring is another matter, which the opening of the key ring refuses by its name.
  if (newest === null || (await keyRing.list()).length > 0 || (await keys.count()) > 0) return;
  throw new BackupError(
    commandExits.history,
    `The database is empty, but checkpoints.log has a checkpoint of ${newest.size} entries, made ${newest.createdAt}. ` +
      'Restore a backup with: npm run broker -- restore --from FOLDER. To begin anew, move checkpoints.log away.',
  );
}

/** The same, whatever was accepted. */
export async function compare({ auditChain }: LogStores, { size, headHash }: Checkpoint): Promise<Judgement> {
  const head = await auditChain.head();
  if (head === null || head.seq < size) return 'ahead';
  const link = await auditChain.find(size);
  if (link !== null) return isEqual(link.hash, headHash) ? 'fits' : 'different';
  // It was pruned: the first link that is left has its hash, or a stored checkpoint.
  const first = await auditChain.first();
  if (first?.seq === size + 1) return isEqual(first.prevHash, headHash) ? 'fits' : 'different';
  const [kept] = await auditChain.listCheckpoints({ from: size, to: size, limit: 1 });
  const isKept = kept?.note.split('\n')[2] === Buffer.from(headHash).toString('base64');
  return isKept ? 'fits' : 'different';
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

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
