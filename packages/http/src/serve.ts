import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import { systemClock } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import { renderError } from './errors.js';
import type { Logger } from './logger.js';
import { setAnswerHeaders } from './request-frame.js';

export interface TlsOptions {
  /** PEM texts. */
  readonly key: string;
  readonly cert: string;
  /** Issues the certificates of clients; a client without one of these is refused in the handshake. */
  readonly clientCa: string;
}

export interface ServeOptions {
  readonly app: { readonly fetch: Parameters<typeof getRequestListener>[0] };
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly logger: Logger;
  readonly tls?: TlsOptions | null;
  /** How long requests in flight may go on after close() was called. */
  readonly drainMs?: number;
  /** From the connection's first byte, or its opening, to the end of the headers. */
  readonly headersTimeoutMs?: number;
  /** To the end of the body. */
  readonly requestTimeoutMs?: number;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Stops accepting, lets requests in flight finish, then destroys what is left. A second call waits for the same end. */
  close(): Promise<void>;
}

/** Silent connections get this long after close() to send what was already on its way. */
const silentGraceMs = 250;

/**
 * Serves an app over HTTP, or over TLS with client certificates. Slow headers and bodies are cut (G5); what is not
 * HTTP/1.1 to the letter is refused by Node's strict parser and the connection closed (G7).
 *
 * @throws the listen error, such as EADDRINUSE.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { host, port, tls = null } = options;
  const connections = new Connections();
  const respond = getRequestListener(options.app.fetch, { errorHandler: createErrorHandler(options.logger) });
  const listener: RequestListener = (incoming, outgoing) => {
    connections.begin(outgoing);
    void respond(incoming, outgoing);
  };
  const server = createHttpServer(options, listener);
  server.on('connection', (socket: Socket) => connections.add(socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  const hostPart = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  let closing: Promise<void> | null = null;
  return {
    port: address.port,
    url: `${tls === null ? 'http' : 'https'}://${hostPart}:${address.port}`,
    close: () => {
      closing ??= drain(server, connections, options.drainMs ?? 10_000);
      return closing;
    },
  };
}

function createHttpServer(options: ServeOptions, listener: RequestListener): Server {
  const headersTimeout = options.headersTimeoutMs ?? 10_000;
  const requestTimeout = options.requestTimeoutMs ?? 30_000;
  const serverOptions: ServerOptions = {
    headersTimeout,
    requestTimeout,
    connectionsCheckingInterval: Math.min(1000, Math.ceil(headersTimeout / 4)),
    keepAliveTimeout: 65_000,
    maxHeaderSize: 16 * 1024,
    requireHostHeader: true,
    insecureHTTPParser: false,
  };
  const { tls = null } = options;
  if (tls === null) return createServer(serverOptions, listener);
  const { key, cert, clientCa } = tls;
  return createTlsServer(
    {
      ...serverOptions,
      key,
      cert,
      ca: clientCa,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      handshakeTimeout: headersTimeout,
    },
    listener,
  );
}

/** Knows which sockets are open and which answers are under way, so that closing can tell them apart. */
class Connections {
  readonly #sockets = new Set<Socket>();
  readonly #answers = new Set<ServerResponse<IncomingMessage>>();
  #isClosing = false;

  add(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  begin(outgoing: ServerResponse<IncomingMessage>): void {
    if (this.#isClosing) outgoing.shouldKeepAlive = false;
    this.#answers.add(outgoing);
    outgoing.once('close', () => this.#answers.delete(outgoing));
  }

  /** From now on every answer whose headers are not out yet says `Connection: close`. */
  startClosing(): void {
    this.#isClosing = true;
    for (const outgoing of this.#answers) outgoing.shouldKeepAlive = false;
  }

  destroySilent(): void {
    // Under TLS an answer knows the encrypted socket and the server's event the plain one, so they meet by address.
    const busy = new Set([...this.#answers].map(({ socket }) => formatPeer(socket)));
    for (const socket of this.#sockets) {
      if (!busy.has(formatPeer(socket))) socket.destroy();
    }
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function formatPeer(socket: Socket | null): string {
  return `${socket?.remoteAddress} ${socket?.remotePort}`;
}

async function drain(server: Server, connections: Connections, drainMs: number): Promise<void> {
  connections.startClosing();
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const silent = setInterval(() => connections.destroySilent(), silentGraceMs);
  const last = setTimeout(() => connections.destroyAll(), drainMs);
  await closed;
  clearInterval(silent);
  clearTimeout(last);
}

/** Errors outside the app: a request line or Host header that is no URL, or an app that rejected. */
function createErrorHandler(logger: Logger): (error: unknown) => Response {
  return (thrown) => {
    const requestId = createUlid(systemClock.now());
    const isMalformed = thrown instanceof RequestError;
    const error = isMalformed ? new NexusError('invalid_request', 'The request target is malformed.') : thrown;
    const { status, headers, body } = renderError(error, requestId);
    if (!isMalformed)
      logger.error('request failed outside the app', { requestId, status, code: body.code, error: thrown });
    const response = new Response(JSON.stringify(body), { status, headers });
    setAnswerHeaders(response.headers, requestId);
    return response;
  };
}
