/**
 * Compares the log of a database with checkpoints kept outside of it. A log that is shorter was rolled back: by a
 * restore, or by somebody who wants something forgotten. An operator may accept that, and the log then says so.
 */
import { writeCheckpointRecord } from '@nexus/audit-chain/checkpoint-file';
import { type Checkpoint, isSignedBy, readSignedNote, type SignedCheckpoint } from '@nexus/audit-chain/signed-note';
import type { Vault } from '@nexus/vault/vault';
import { nameCheckpointKey } from '../audit/chain-position.js';
import { findEntryFault } from '../audit/check-entry.js';
import type { AuditEntry } from '../domain/audit-event.js';
import type { Database, Stores } from '../stores/database.js';
import { BackupError, commandExits } from './backup-error.js';
import { appendCheckpoints, type KnownCheckpoint, readNewestFirst } from './known-checkpoints.js';

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

type SigningKeys = Pick<Vault, 'publicKeys'>;

interface StartDeps {
  readonly database: Database;
  readonly vault: LogDeps['vault'] & SigningKeys;
  /** Told what is wrong with the file, where that does not keep the Broker from starting. */
  readonly onFault: (message: string) => void;
}

/** What a start has against its file of checkpoints. */
export interface CheckpointFileFaults {
  /** The log has checkpoints and the file none, so nothing told whether the database is older than it was. */
  readonly isLost: boolean;
  /** Newest lines whose signature is false. */
  readonly forged: number;
}

const acceptedLimit = 500;

/**
 * - `fits`: the log goes through the checkpoint, or an accepted rollback gave it up.
 * - `older`: the log is from before the checkpoint was made.
 * - `different`: it is another log.
 */
type Judgement = 'fits' | 'older' | 'different';

/**
 * The start's look at the newest checkpoint it kept (K10). Lines that no Broker wrote are told and passed over. A file
 * without a checkpoint gets the newest of the log, from which on it tells again.
 *
 * @throws BackupError 13 when the log does not go through it.
 */
export async function expectKnownHistory(
  { database, vault, onFault }: StartDeps,
  checkpointFile: string,
): Promise<CheckpointFileFaults> {
  const { newest, forged } = await findNewest(vault, checkpointFile);
  if (forged > 0) onFault(`${forged} of the newest lines of checkpoints.log have a false signature; remove them`);
  if (newest === null) return { isLost: await beginFile({ database, vault, onFault }, checkpointFile), forged };
  const { stores } = database;
  const { checkpoint } = newest.signed;
  const judgement = await judge(stores, newest);
  if (judgement === 'fits' || wasGivenUp(checkpoint, await listAccepted({ stores, vault }))) {
    return { isLost: false, forged };
  }
  const { size, createdAt } = checkpoint;
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
  const newest = await readNewestFirst(checkpointFile).next();
  const { keyRing, keys } = database.stores;
  // Data without a key ring is another loss, which the opening of the key ring calls by its name.
  if (newest.done === true || (await keyRing.list()).length > 0 || (await keys.count()) > 0) return;
  const { size, createdAt } = newest.value.signed.checkpoint;
  throw new BackupError(
    commandExits.history,
    `The database is empty, but checkpoints.log has a checkpoint of ${size} entries, made ${createdAt}. ` +
      'Restore a backup with: npm run broker -- restore --from FOLDER. To begin anew, move checkpoints.log away.',
  );
}

/** The newest that a Broker may have written. */
async function findNewest(
  vault: SigningKeys,
  checkpointFile: string,
): Promise<{ readonly newest: KnownCheckpoint | null; readonly forged: number }> {
  const forged = new Set<string>();
  for await (const known of readNewestFirst(checkpointFile)) {
    if (!isForged(known.signed, vault)) return { newest: known, forged: forged.size };
    forged.add(known.note);
  }
  return { newest: null, forged: forged.size };
}

/** A key that is not in the ring may have been made after a backup; one that is in it signs its own notes. */
export function isForged(signed: SignedCheckpoint, vault: SigningKeys): boolean {
  const key = vault.publicKeys().find(({ keyId }) => nameCheckpointKey(keyId) === signed.keyName);
  return key !== undefined && !isSignedBy(signed, { name: signed.keyName, publicKey: key.publicKey });
}

/** Whether checkpoints were made that the file should have. A new log has none. */
async function beginFile({ database, vault, onFault }: StartDeps, checkpointFile: string): Promise<boolean> {
  const stored = await database.stores.auditChain.newestCheckpoint();
  if (stored === null) return false;
  onFault(
    `checkpoints.log has no checkpoint and the database has them up to ${stored.size} entries: nothing here tells ` +
      'whether the database is older than it was. Unless this replica is new, compare with checkpoints kept elsewhere',
  );
  const { size, createdAt, note } = stored;
  const signed = readSignedNote(note);
  if (signed !== null && !isForged(signed, vault)) {
    await appendCheckpoints(checkpointFile, writeCheckpointRecord({ size, created_at: createdAt, note }));
  }
  return true;
}

async function judge({ auditChain }: LogStores, { note, signed }: KnownCheckpoint): Promise<Judgement> {
  const { size, headHash } = signed.checkpoint;
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
