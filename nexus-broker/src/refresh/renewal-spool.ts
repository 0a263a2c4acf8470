/**
 * A file of fixed size for what the database would not take. Its blocks are laid out before they are needed, so that a
 * disk that fills up meanwhile refuses nothing here. An entry is a frame of whole slots; one that a crash left torn fails
 * its digest and counts as free.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

const slotBytes = 4_096;
const slotCount = 256;
const fileBytes = slotBytes * slotCount;
const magic = Buffer.from('NXR1', 'latin1');
/** Magic, length as 32 bits, SHA-256 of the content. */
const headBytes = 4 + 4 + 32;

export interface SpoolEntry {
  readonly slot: number;
  readonly content: Uint8Array;
}

interface SpoolInput {
  readonly path: string;
  /** Told when an entry could not be written through. */
  readonly onLostWrite: (error: unknown) => void;
}

export class RenewalSpool {
  readonly #handle: FileHandle;
  readonly #onLostWrite: SpoolInput['onLostWrite'];
  /** True where a slot belongs to an entry. */
  readonly #isTaken: boolean[];
  readonly #found: readonly SpoolEntry[];
  #writing: Promise<unknown> = Promise.resolve();

  /** Creates the file with mode 0600 if it is missing. @throws that of the file system. */
  static async open({ path, onLostWrite }: SpoolInput): Promise<RenewalSpool> {
    // Neither `r+`, which creates nothing, nor `a+`, which writes only at the end.
    const handle = await open(path, 'a', 0o600)
      .then((created) => created.close())
      .then(() => open(path, 'r+'));
    try {
      const { size } = await handle.stat();
      if (size < fileBytes) {
        await handle.write(Buffer.alloc(fileBytes - size), 0, fileBytes - size, size);
        await handle.sync();
      }
      const bytes = Buffer.alloc(fileBytes);
      await handle.read(bytes, 0, fileBytes, 0);
      return new RenewalSpool(handle, bytes, onLostWrite);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  private constructor(handle: FileHandle, bytes: Buffer, onLostWrite: SpoolInput['onLostWrite']) {
    this.#handle = handle;
    this.#onLostWrite = onLostWrite;
    this.#isTaken = new Array<boolean>(slotCount).fill(false);
    this.#found = findEntries(bytes);
    for (const { slot, content } of this.#found) this.#mark(slot, content.length, true);
  }

  /** What an earlier process left here. */
  listFound(): readonly SpoolEntry[] {
    return this.#found;
  }

  /** Resolves with the entry's slot once it is on the disk; null where no room is left. @throws that of the file system. */
  write(content: Uint8Array): Promise<number | null> {
    return this.#inTurn(async () => {
      const slot = await this.#findRoom(content.length);
      if (slot === null) return null;
      await this.#put(toFrame(content), slot);
      this.#mark(slot, content.length, true);
      await this.#handle.datasync().catch((error: unknown) => {
        this.#onLostWrite(error);
        throw error;
      });
      return slot;
    });
  }

  /** Need not reach the disk: an entry that comes back is recognised as obsolete by its version. */
  erase(slot: number, length: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#put(Buffer.alloc(headBytes + length), slot);
      this.#mark(slot, length, false);
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#handle.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => undefined);
    return done;
  }

  /** A slot that is free in memory and taken in the file belongs to another process that was given this directory. */
  async #findRoom(length: number): Promise<number | null> {
    const needed = countSlots(length);
    for (let slot = 0, free = 0; slot < slotCount; slot++) {
      if (this.#isTaken[slot] !== true) this.#isTaken[slot] = await this.#isTakenInFile(slot);
      free = this.#isTaken[slot] === true ? 0 : free + 1;
      if (free === needed) return slot - needed + 1;
    }
    return null;
  }

  async #isTakenInFile(slot: number): Promise<boolean> {
    const bytes = Buffer.alloc(fileBytes - slot * slotBytes);
    await this.#handle.read(bytes, 0, slotBytes, slot * slotBytes);
    if (!bytes.subarray(0, 4).equals(magic)) return false;
    await this.#handle.read(bytes, 0, bytes.length, slot * slotBytes);
    const content = readFrame(bytes);
    if (content !== null) this.#mark(slot, content.length, true);
    return content !== null;
  }

  async #put(bytes: Buffer, slot: number): Promise<void> {
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, slot * slotBytes);
    if (bytesWritten !== bytes.length) throw new Error('the renewal spool took only a part of an entry');
  }

  #mark(slot: number, length: number, isTaken: boolean): void {
    this.#isTaken.fill(isTaken, slot, slot + countSlots(length));
  }
}

function countSlots(length: number): number {
  return Math.ceil((headBytes + length) / slotBytes);
}

function toFrame(content: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  head.writeUInt32BE(content.length, 4);
  createHash('sha256').update(content).digest().copy(head, 8);
  return Buffer.concat([head, content]);
}

function findEntries(bytes: Buffer): SpoolEntry[] {
  const entries: SpoolEntry[] = [];
  for (let slot = 0; slot < slotCount; ) {
    const content = readFrame(bytes.subarray(slot * slotBytes));
    if (content === null) {
      slot += 1;
    } else {
      entries.push({ slot, content });
      slot += countSlots(content.length);
    }
  }
  return entries;
}

function readFrame(bytes: Buffer): Uint8Array | null {
  if (!bytes.subarray(0, 4).equals(magic)) return null;
  const length = bytes.readUInt32BE(4);
  if (length > bytes.length - headBytes) return null;
  const content = bytes.subarray(headBytes, headBytes + length);
  const digest = createHash('sha256').update(content).digest();
  return digest.equals(bytes.subarray(8, headBytes)) ? new Uint8Array(content) : null;
}
