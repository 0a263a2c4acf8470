/**
 * What one process knows of the chain: its end, verified. The stored chain is followed from there, link by link, so that
 * nothing is sealed or signed on top of a chain that was cut or changed.
 */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { chainStart, computeLinkHash } from '@nexus/audit-chain/chain';
import { isSignedBy, readSignedNote, type SignedCheckpoint } from '@nexus/audit-chain/signed-note';
import type { Instant } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import type { AuditEntry } from '../domain/audit-event.js';
import type { LinkedEntry, StoredCheckpoint, StoredLink } from '../stores/audit-chain-store.js';
import type { Database, Stores } from '../stores/database.js';
import { type EntryFault, findEntryFault } from './check-entry.js';

/** The stored chain does not go on from what is known of it; the message says how, for an operator. */
export class ChainFault extends Error {
  override readonly name = 'ChainFault';
}

export interface ChainEnd {
  readonly seq: number;
  readonly hash: Uint8Array;
  /** When the newest entry was made, which need not be the last one; null for an empty chain. */
  readonly createdAt: Instant | null;
}

interface PositionDeps {
  readonly database: Database;
  readonly vault: Vault;
}

const pageSize = 500;

export class ChainPosition {
  readonly #deps: PositionDeps;
  #end: ChainEnd = { seq: 0, hash: chainStart, createdAt: null };

  constructor(deps: PositionDeps) {
    this.#deps = deps;
  }

  get end(): ChainEnd {
    return this.#end;
  }

  /**
   * Goes to the end of the stored chain. Other Brokers seal too, so what they added is verified first; a checkpoint they
   * signed spares the way to it.
   *
   * @throws ChainFault when the stored chain is shorter than or different from what is known, or an entry does not fit.
   */
  async follow(): Promise<void> {
    const { auditChain } = this.#deps.database.stores;
    const head = await auditChain.head();
    if (this.#isAt(head)) return;
    let end = await this.#findAnchor();
    while (head !== null && end.seq < head.seq) {
      const page = await auditChain.list({ from: end.seq + 1, to: head.seq, limit: pageSize });
      if (page.length === 0) throw new ChainFault(`The audit chain has no link ${end.seq + 1}.`);
      for (const linked of page) end = await this.#verify(end, linked);
      await yieldToOthers();
    }
    this.#end = end;
  }

  /** Goes to the stored end unverified: for a restore, once an operator has accepted what is wrong with the chain. */
  async adopt(): Promise<void> {
    const { auditChain } = this.#deps.database.stores;
    const head = await auditChain.head();
    if (head === null) return;
    const [linked] = await auditChain.list({ from: head.seq, to: head.seq, limit: 1 });
    this.#end = { seq: head.seq, hash: head.hash, createdAt: linked?.entry?.createdAt ?? null };
  }

  /**
   * Adds links for entries that were checked. False, and nothing is stored, when another Broker was faster.
   *
   * @throws what the database throws.
   */
  async append(entries: readonly AuditEntry[]): Promise<boolean> {
    const start = this.#end;
    let end = start;
    const links = entries.map((entry) => {
      const link = createLink(end, entry);
      end = { seq: link.seq, hash: link.hash, createdAt: findLater(end.createdAt, entry.createdAt) };
      return link;
    });
    const lost = new Error('another Broker was faster');
    try {
      await this.#deps.database.transaction(async ({ auditChain }) => {
        if (!this.#isAt(await auditChain.head()) || !(await auditChain.insert(links))) throw lost;
      });
    } catch (error) {
      if (error === lost) return false;
      throw error;
    }
    this.#end = end;
    return true;
  }

  /**
   * The newest checkpoint, its signature verified; null before the first.
   *
   * @throws ChainFault for one that no checkpoint key of the ring has signed.
   */
  async readNewestCheckpoint({ auditChain }: Pick<Stores, 'auditChain'>): Promise<VerifiedCheckpoint | null> {
    const stored = await auditChain.newestCheckpoint();
    if (stored === null) return null;
    const note = readSignedNote(stored.note);
    if (note === null || note.checkpoint.size !== stored.size || !(await this.#isSigned(note, stored.keyId))) {
      throw new ChainFault(`The newest audit checkpoint, of size ${stored.size}, is not one that a Broker signed.`);
    }
    return { stored, note };
  }

  #isAt(head: StoredLink | null): boolean {
    const { seq, hash } = this.#end;
    return head === null ? seq === 0 : head.seq === seq && equal(head.hash, hash);
  }

  /** Where to verify from: what this process knows, or a later checkpoint. Either must still be in the chain. */
  async #findAnchor(): Promise<ChainEnd> {
    const { stores } = this.#deps.database;
    const newest = await this.readNewestCheckpoint(stores);
    const known = this.#end;
    const anchor =
      newest === null || newest.stored.size < known.seq
        ? known
        : { seq: newest.stored.size, hash: newest.note.checkpoint.headHash };
    if (anchor.seq === 0) return known;
    if (anchor.seq > known.seq) await this.#expectKnown(known);
    const [linked] = await stores.auditChain.list({ from: anchor.seq, to: anchor.seq, limit: 1 });
    const hash = linked?.link.hash ?? (await this.#findPrunedHash(anchor.seq));
    if (hash === null) throw new ChainFault(`The audit chain is shorter than the ${anchor.seq} entries it had.`);
    if (!equal(hash, anchor.hash)) throw new ChainFault(`The audit chain was changed at or before ${anchor.seq}.`);
    return { ...anchor, createdAt: findLater(known.createdAt, linked?.entry?.createdAt ?? null) };
  }

  /** A later checkpoint does not excuse another past. What was pruned up to beyond it cannot be compared. */
  async #expectKnown({ seq, hash }: ChainEnd): Promise<void> {
    const { auditChain } = this.#deps.database.stores;
    const first = seq === 0 ? null : await auditChain.first();
    if (first === null || first.seq > seq + 1) return;
    const stored = (await auditChain.find(seq))?.hash ?? (await this.#findPrunedHash(seq));
    if (stored === null) throw new ChainFault(`The audit chain has no link ${seq}.`);
    if (!equal(stored, hash)) throw new ChainFault(`The audit chain was changed at or before ${seq}.`);
  }

  /** The hash of a link that was pruned is in the one after it. */
  async #findPrunedHash(seq: number): Promise<Uint8Array | null> {
    const first = await this.#deps.database.stores.auditChain.first();
    return first?.seq === seq + 1 ? first.prevHash : null;
  }

  async #verify(end: ChainEnd, { link, entry }: LinkedEntry): Promise<ChainEnd> {
    if (link.seq !== end.seq + 1) throw new ChainFault(`The audit chain has no link ${end.seq + 1}.`);
    if (entry === null) throw new ChainFault(`The entry of audit link ${link.seq} is gone.`);
    const fault = await this.#findFault(entry);
    if (fault !== null) throw new ChainFault(`The entry of audit link ${link.seq} was altered: ${fault}.`);
    const expected = createLink(end, entry);
    if (!equal(link.prevHash, end.hash) || !equal(link.hash, expected.hash)) {
      throw new ChainFault(`Audit link ${link.seq} does not follow from the one before it.`);
    }
    return { seq: link.seq, hash: link.hash, createdAt: findLater(end.createdAt, entry.createdAt) };
  }

  async #findFault(entry: AuditEntry): Promise<EntryFault | null> {
    const fault = findEntryFault(this.#deps.vault, entry);
    return fault === 'unknown key' && (await this.#knows(entry.macKey))
      ? findEntryFault(this.#deps.vault, entry)
      : fault;
  }

  /** Another Broker may use a key already that this one has not loaded. */
  async #knows(keyId: number): Promise<boolean> {
    const { vault } = this.#deps;
    return vault.knows(keyId) || (await vault.learn(keyId).catch(() => false));
  }

  async #isSigned(note: SignedCheckpoint, keyId: number): Promise<boolean> {
    const { vault } = this.#deps;
    if (!(await this.#knows(keyId))) return false;
    const key = vault.publicKeys().find((candidate) => candidate.keyId === keyId);
    return key !== undefined && isSignedBy(note, { name: nameCheckpointKey(keyId), publicKey: key.publicKey });
  }
}

export interface VerifiedCheckpoint {
  readonly stored: StoredCheckpoint;
  readonly note: SignedCheckpoint;
}

/** The name under which a data key of purpose `checkpoint` signs. */
export function nameCheckpointKey(keyId: number): string {
  return `nexus-${keyId}`;
}

function createLink(end: ChainEnd, { id, entryHash, mac, macKey }: AuditEntry): StoredLink {
  const seq = end.seq + 1;
  return {
    seq,
    eventId: id,
    prevHash: end.hash,
    hash: computeLinkHash({ seq, prevHash: end.hash, entryHash, mac, macKey }),
  };
}

function findLater(one: Instant | null, other: Instant | null): Instant | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
