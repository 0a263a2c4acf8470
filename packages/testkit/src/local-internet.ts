/** Every https host of the internet, on one loopback port, with a certificate of its own for each name. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as sendRequest } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { createCertificateAuthority } from './certificates.js';

/** A request as it arrived. `url` is as the client meant it, without the port of the loopback server. */
export interface SeenRequest {
  readonly method: string;
  readonly url: URL;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SentAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type Site = (request: SeenRequest) => SentAnswer | Promise<SentAnswer>;

export interface LocalInternet {
  readonly port: number;
  /** PEM of the authority that vouches for every host. */
  readonly ca: string;
  /** Who answers from now on, for every host. */
  serve(site: Site): void;
  /** Sends a request as a program on the internet would. */
  send(request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array | string | null;
  }): Promise<{ readonly status: number; readonly body: string }>;
  close(): Promise<void>;
}

/** Starts with nobody at home: every request is answered with 404 until `serve` is called. */
export async function startLocalInternet(): Promise<LocalInternet> {
  const authority = createCertificateAuthority('authority of the local internet');
  const contexts = new Map<string, SecureContext>();
  const contextOf = (name: string): SecureContext => {
    const known = contexts.get(name) ?? createSecureContext(authority.issue({ commonName: name, names: [name] }));
    contexts.set(name, known);
    return known;
  };
  let site: Site = () => ({ status: 404 });
  const server = createServer(
    {
      ...authority.issue({ commonName: 'nobody.invalid', names: ['nobody.invalid'] }),
      SNICallback: (name, callback) => callback(null, contextOf(name)),
    },
    (request, response) => {
      answer(site, request, response).catch(() => response.destroy());
    },
  );
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ca: authority.cert,
    serve: (next) => {
      site = next;
    },
    send: (request) => send({ port, ca: authority.cert }, request),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const { status, headers, body } = await site({
    method: request.method ?? '',
    url: new URL(request.url ?? '/', `https://${host}`),
    headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
    body: await readAll(request),
  });
  response.writeHead(status, { ...headers });
  response.end(status === 204 ? undefined : (body ?? ''));
}

function send(
  { port, ca }: Pick<LocalInternet, 'port' | 'ca'>,
  { method, url, headers, body }: Parameters<LocalInternet['send']>[0],
): ReturnType<LocalInternet['send']> {
  const { hostname, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const place = { host: '127.0.0.1', port, servername: hostname, path: `${pathname}${search}`, ca };
    const sending = sendRequest(
      { ...place, method, agent: false, headers: { ...headers, host: hostname } },
      (answered) => {
        readAll(answered).then((text) => resolve({ status: answered.statusCode ?? 0, body: text }), reject);
      },
    );
    sending.once('error', reject);
    sending.end(body ?? undefined);
  });
}

async function readAll(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
