/**
 * A file that only grows: lines are appended and written through. A file that was unlinked, replaced or cut would swallow
 * lines nobody reads, so it counts as lost until it is put back.
 */
import { fstatSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

interface AppendOnlyFileInput {
  readonly path: string;
  /** Told when the file could not be written through. */
  readonly onLostWrite: (error: unknown) => void;
}

const newline = 0x0a;

export class AppendOnlyFile {
  readonly #path: string;
  readonly #onLostWrite: (error: unknown) => void;
  readonly #handle: FileHandle;
  readonly #identity: string;
  #size: number;
  /** A crash or a full disk may have left half a line at the end. */
  #isTorn: boolean;
  #appending: Promise<void> = Promise.resolve();

  /** Creates it with mode 0600 if it is missing. @throws Error for what is no regular file, or that of the file system. */
  static async open({ path, onLostWrite }: AppendOnlyFileInput): Promise<AppendOnlyFile> {
    // Read as well: the last byte tells whether a line is torn.
    const handle = await open(path, 'a+', 0o600);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new Error(`${path} is not a regular file.`);
      const { size } = stats;
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
      const isTorn = size > 0 && buffer[0] !== newline;
      return new AppendOnlyFile({ path, onLostWrite, handle, size, isTorn });
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  private constructor(opened: AppendOnlyFileInput & { handle: FileHandle; size: number; isTorn: boolean }) {
    this.#path = opened.path;
    this.#onLostWrite = opened.onLostWrite;
    this.#handle = opened.handle;
    this.#size = opened.size;
    this.#isTorn = opened.isTorn;
    this.#identity = identify(fstatSync(opened.handle.fd));
  }

  /** Whether the path still leads to this file, and nothing was cut from it. */
  isInPlace(): boolean {
    try {
      const found = statSync(this.#path);
      return identify(found) === this.#identity && found.size >= this.#size;
    } catch {
      return false;
    }
  }

  /**
   * Appends whole lines and resolves once they are on the disk; one append after the other.
   *
   * @throws Error when the file is not in its place, or that of the file system.
   */
  append(lines: string): Promise<void> {
    const appended = this.#appending.then(() => this.#append(lines));
    this.#appending = appended.catch(() => undefined);
    return appended;
  }

  async close(): Promise<void> {
    await this.#appending;
    await this.#handle.close();
  }

  async #append(lines: string): Promise<void> {
    if (!this.isInPlace()) throw new Error(`${this.#path} was removed, replaced or cut.`);
    const bytes = Buffer.from(this.#isTorn ? `\n${lines}` : lines, 'utf8');
    this.#isTorn = true;
    await this.#handle.appendFile(bytes);
    this.#isTorn = false;
    this.#size += bytes.length;
    try {
      await this.#handle.datasync();
    } catch (error) {
      this.#onLostWrite(error);
      throw error;
    }
  }
}

function identify({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev} ${ino}`;
}
