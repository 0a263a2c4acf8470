/** Signs checkpoints over the chain and hands each to the table, the log and the file beside the data. */
import { createHash, randomUUID } from 'node:crypto';
import { hashLength } from '@nexus/audit-chain/chain';
import { writeCheckpointRecord } from '@nexus/audit-chain/checkpoint-file';
import { hashNote, writeCheckpointBody, writeSignedNote } from '@nexus/audit-chain/signed-note';
import { type Clock, toInstant } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import type { StoredCheckpoint } from '../stores/audit-chain-store.js';
import type { Database, Stores } from '../stores/database.js';
import type { AppendOnlyFile } from './append-only-file.js';
import {
  type ChainEnd,
  ChainFault,
  type ChainPosition,
  nameCheckpointKey,
  type VerifiedCheckpoint,
} from './chain-position.js';

export interface CheckpointDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly position: ChainPosition;
  readonly file: Pick<AppendOnlyFile, 'append'>;
  /** Gives the note to whoever keeps the log of this process. */
  readonly announce: (checkpoint: StoredCheckpoint) => void;
}

/** Its row is locked while a checkpoint is made, so that each carries the hash of the one before. */
const lease = 'audit-checkpoint';

export class CheckpointWriter {
  readonly #deps: CheckpointDeps;
  readonly #owner = randomUUID();
  /** Stored, and not yet in the file. */
  #unwritten: StoredCheckpoint[] = [];

  constructor(deps: CheckpointDeps) {
    this.#deps = deps;
  }

  /**
   * Covers the chain up to the position's end, unless a checkpoint does already. Returns the newest checkpoint's size.
   *
   * @throws ChainFault, or what the database or the file throws; a checkpoint that is stored reaches the file later.
   */
  async write(): Promise<number> {
    const { database, announce } = this.#deps;
    const { stored, isNew } = await database.transaction((stores) => this.#insert(stores));
    if (isNew) {
      announce(stored);
      this.#unwritten.push(stored);
    }
    await this.flush();
    return stored.size;
  }

  /** Appends to the file what did not get there; nothing, most of the time. */
  async flush(): Promise<void> {
    for (;;) {
      const [next] = this.#unwritten;
      if (next === undefined) return;
      await this.#deps.file.append(
        writeCheckpointRecord({ size: next.size, created_at: next.createdAt, note: next.note }),
      );
      this.#unwritten = this.#unwritten.slice(1);
    }
  }

  async #insert(stores: Stores): Promise<{ readonly stored: StoredCheckpoint; readonly isNew: boolean }> {
    const { position } = this.#deps;
    const { end } = position;
    // Only the lock on the row matters, and that ends with the transaction.
    await stores.jobLeases.acquire({ name: lease, owner: this.#owner, seconds: 0 });
    const newest = await position.readNewestCheckpoint(stores);
    if (newest !== null && newest.stored.size >= end.seq) return { stored: newest.stored, isNew: false };
    const link = await stores.auditChain.find(end.seq);
    if (link === null || Buffer.compare(link.hash, end.hash) !== 0) {
      throw new ChainFault(`The audit chain no longer holds link ${end.seq} as it was sealed.`);
    }
    const stored = this.#sign(end, newest);
    await stores.auditChain.insertCheckpoint(stored);
    return { stored, isNew: true };
  }

  #sign(end: ChainEnd, newest: VerifiedCheckpoint | null): StoredCheckpoint {
    const { vault, clock } = this.#deps;
    const createdAt = toInstant(clock.now());
    const body = writeCheckpointBody({
      origin: newest?.note.checkpoint.origin ?? this.#nameLog(),
      size: end.seq,
      headHash: end.hash,
      previousNoteHash: newest === null ? new Uint8Array(hashLength) : hashNote(newest.stored.note),
      createdAt,
    });
    const { keyId, publicKey, signature } = vault.sign(Buffer.from(body, 'utf8'));
    const note = writeSignedNote(body, { name: nameCheckpointKey(keyId), publicKey }, signature);
    return { size: end.seq, createdAt, note, keyId };
  }

  /** The first checkpoint key gives the log its name; every later note copies it. */
  #nameLog(): string {
    const [first] = [...this.#deps.vault.publicKeys()].sort((one, other) => one.keyId - other.keyId);
    if (first === undefined) throw new Error('The key ring has no key that signs checkpoints.');
    return `nexus/${createHash('sha256').update(first.publicKey).digest('hex').slice(0, 16)}`;
  }
}
