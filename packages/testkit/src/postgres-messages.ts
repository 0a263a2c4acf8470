/** Reads what a client sends to PostgreSQL, as far as it takes to tell where a transaction is about to be committed. */

/** What a client has asked for since its BEGIN. */
export interface Transaction {
  readonly statements: readonly string[];
  /** Whether one of its statements had this text as the value of a parameter. */
  hasParameter(text: string): boolean;
}

/** One message as it arrived, and what it has to do with a COMMIT. */
export interface FrontendMessage {
  readonly bytes: Buffer;
  /** The transaction that this message asks to commit; null for any other message. */
  readonly committing: Transaction | null;
}

const query = 'Q'.charCodeAt(0);
const parse = 'P'.charCodeAt(0);
const bind = 'B'.charCodeAt(0);
const sync = 'S'.charCodeAt(0);
/** Of the length field, which counts itself. */
const lengthBytes = 4;
/** Codes of the requests for TLS and GSSAPI, after which the client starts again with another first message. */
const encryptionRequests = new Set([80_877_103, 80_877_104]);

/**
 * Splits the stream of one client, which must not be encrypted. A COMMIT counts as asked for with the message that lets
 * the server run it: a simple query, or the synchronisation after an extended one.
 */
export class FrontendReader {
  #rest = Buffer.alloc(0);
  #isStarted = false;
  #statements: string[] = [];
  #bound: Buffer[] = [];
  #isCommitParsed = false;

  /** Messages that are complete by now. */
  read(chunk: Buffer): readonly FrontendMessage[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: FrontendMessage[] = [];
    for (;;) {
      const bytes = this.#takeMessage();
      if (bytes === null) return messages;
      messages.push({ bytes, committing: this.#isStarted ? this.#judge(bytes) : null });
      if (!this.#isStarted) this.#isStarted = !encryptionRequests.has(bytes.readInt32BE(lengthBytes));
    }
  }

  /** The first message has no letter before its length. */
  #takeMessage(): Buffer | null {
    const lengthAt = this.#isStarted ? 1 : 0;
    if (this.#rest.length < lengthAt + lengthBytes) return null;
    const end = lengthAt + this.#rest.readInt32BE(lengthAt);
    if (this.#rest.length < end) return null;
    const bytes = this.#rest.subarray(0, end);
    this.#rest = this.#rest.subarray(end);
    return bytes;
  }

  #judge(bytes: Buffer): Transaction | null {
    const kind = bytes[0];
    if (kind === bind) this.#bound.push(bytes);
    if (kind === query && this.#remember(readText(bytes, 1 + lengthBytes))) return this.#takeTransaction();
    if (kind === parse) {
      const nameEnd = bytes.indexOf(0, 1 + lengthBytes);
      this.#isCommitParsed = this.#remember(readText(bytes, nameEnd + 1));
    }
    if (kind !== sync || !this.#isCommitParsed) return null;
    this.#isCommitParsed = false;
    return this.#takeTransaction();
  }

  /** Whether the statement is a COMMIT. */
  #remember(statement: string): boolean {
    if (/^\s*(commit|end)\b/i.test(statement)) return true;
    if (/^\s*(begin|start transaction|rollback)\b/i.test(statement)) this.#takeTransaction();
    else this.#statements.push(statement);
    return false;
  }

  #takeTransaction(): Transaction {
    const [statements, bound] = [this.#statements, this.#bound];
    this.#statements = [];
    this.#bound = [];
    return { statements, hasParameter: (text) => bound.some((bytes) => bytes.includes(encodeParameter(text))) };
  }
}

function readText(bytes: Buffer, start: number): string {
  return bytes.toString('utf8', start, bytes.indexOf(0, start));
}

function encodeParameter(text: string): Buffer {
  const value = Buffer.from(text);
  const length = Buffer.alloc(lengthBytes);
  length.writeInt32BE(value.length);
  return Buffer.concat([length, value]);
}
