import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { FrontendReader, type Transaction } from './postgres-messages.js';

export type Direction = 'to_server' | 'to_client';

/** What happens to a connection that is made while it is in force. */
export type TcpFault =
  | { readonly kind: 'pass' }
  /** Accepted and reset at once. */
  | { readonly kind: 'reset' }
  /** Accepted, and nothing is ever passed on or answered: half-open, as behind a firewall that drops. */
  | { readonly kind: 'silent' }
  /** Each chunk of either direction waits for so long. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Reset once so many bytes of one direction were passed on. */
  | { readonly kind: 'cut'; readonly direction: Direction; readonly afterBytes: number };

/**
 * What becomes of a COMMIT and of the connection it comes over.
 * pass: nothing · before: it never reaches the server · sent: the server gets it and the client learns nothing, not even
 * when · answered: the server has committed before the client loses the connection
 */
export type CommitFate = 'pass' | 'before' | 'sent' | 'answered';

export interface TcpFaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Makes the proxy read the client's side as PostgreSQL's protocol, without TLS. Asked for every COMMIT. */
  readonly onCommit?: (transaction: Transaction) => CommitFate;
}

/** Stands between a client and a server on loopback, and does to their connections what networks do. */
export interface TcpFaultProxy {
  readonly port: number;
  /** For connections made from now on, or for so many of them, before the others pass. */
  setFault(fault: TcpFault, connections?: number): void;
  /** From now on connections are refused, because nothing listens; the open ones go on. */
  refuse(): Promise<void>;
  /** Listens again, on the same port. */
  accept(): Promise<void>;
  /** Resets every open connection. */
  resetAll(): void;
  /** Lets every open connection go on without a byte in either direction. */
  silenceAll(): void;
  openConnections(): number;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startTcpFaultProxy(options: TcpFaultProxyOptions): Promise<TcpFaultProxy> {
  const links = new Set<Link>();
  let standing: TcpFault = { kind: 'pass' };
  let left = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const fault: TcpFault = left > 0 ? standing : { kind: 'pass' };
    left -= 1;
    if (fault.kind === 'reset') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const link = new Link(client, fault, options);
    links.add(link);
    client.on('close', () => links.delete(link));
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const refuse = async (): Promise<void> => {
    // Its callback would wait for the open connections; nothing new is accepted from this moment.
    if (server.listening) server.close();
  };
  const resetAll = (): void => {
    for (const link of links) link.reset();
  };
  const close = async (): Promise<void> => {
    await refuse();
    resetAll();
  };
  return {
    port,
    setFault: (next, connections = Number.POSITIVE_INFINITY) => {
      standing = next;
      left = connections;
    },
    refuse,
    accept: () => listen(port),
    resetAll,
    silenceAll: () => {
      for (const link of links) link.silence();
    },
    openConnections: () => links.size,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** One client's connection and its counterpart at the server. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #fault: TcpFault;
  readonly #onCommit: TcpFaultProxyOptions['onCommit'];
  readonly #frontend = new FrontendReader();
  readonly #passed: Record<Direction, number> = { to_server: 0, to_client: 0 };
  #isSilent: boolean;
  /** Set once a COMMIT is on its way whose answer nobody will see. */
  #isAnswerAwaited = false;
  #isAbandoned = false;

  constructor(client: Socket, fault: TcpFault, { target, onCommit }: TcpFaultProxyOptions) {
    this.#client = client;
    this.#fault = fault;
    this.#onCommit = onCommit;
    this.#isSilent = fault.kind === 'silent';
    this.#upstream = connect(target);
    client.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#upstream.on('data', (chunk: Buffer) => this.#answer(chunk));
    for (const socket of [client, this.#upstream]) socket.on('error', () => undefined);
    // Who is silent does not answer a farewell either.
    client.on('end', () => {
      if (!this.#isSilent) client.end();
    });
    client.on('close', () => {
      if (!this.#isAbandoned) this.#upstream.destroy();
    });
    this.#upstream.on('close', () => {
      if (!this.#isSilent) client.destroy();
    });
  }

  reset(): void {
    for (const socket of [this.#client, this.#upstream]) socket.resetAndDestroy();
  }

  silence(): void {
    this.#isSilent = true;
  }

  #receive(chunk: Buffer): void {
    if (this.#isSilent || this.#isAnswerAwaited) return;
    if (this.#onCommit === undefined) {
      this.#pass('to_server', chunk);
      return;
    }
    for (const { bytes, committing } of this.#frontend.read(chunk)) {
      const fate = committing === null ? 'pass' : this.#onCommit(committing);
      if (fate === 'before') this.reset();
      else this.#pass('to_server', bytes);
      if (fate === 'sent') this.#abandon();
      this.#isAnswerAwaited = fate === 'answered';
      if (fate !== 'pass') break;
    }
  }

  /** The server must read what was sent before it sees the end, so the two sides end apart. */
  #abandon(): void {
    this.#isSilent = true;
    this.#isAbandoned = true;
    this.#upstream.end();
    this.#client.resetAndDestroy();
  }

  #answer(chunk: Buffer): void {
    if (this.#isSilent) return;
    if (this.#isAnswerAwaited) this.reset();
    else this.#pass('to_client', chunk);
  }

  #pass(direction: Direction, chunk: Buffer): void {
    const fault = this.#fault;
    const target = direction === 'to_server' ? this.#upstream : this.#client;
    if (fault.kind === 'delay') {
      setTimeout(() => target.write(chunk), fault.ms);
      return;
    }
    if (fault.kind !== 'cut' || fault.direction !== direction) {
      target.write(chunk);
      return;
    }
    const left = fault.afterBytes - this.#passed[direction];
    this.#passed[direction] += chunk.length;
    if (chunk.length < left) target.write(chunk);
    // A reset overtakes what was not yet read, so the last bytes leave before it.
    else target.write(chunk.subarray(0, left), () => setTimeout(() => this.reset(), 5));
  }
}
