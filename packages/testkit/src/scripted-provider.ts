import {
  createServer as createPlainServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** One scripted answer. Without a body a JSON `{}` is sent. */
export interface ScriptedAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Default content type: JSON for objects, plain text for strings. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Strings and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Before the head is sent. */
  readonly delayMs?: number;
  /** Nothing is sent before it resolves. */
  readonly heldUntil?: Promise<void>;
  /** Cuts the connection: at once, or after the head and half of the body. */
  readonly drop?: 'before' | 'midway';
  /** Never ends: sends nothing after the head, or chunks without end. */
  readonly endless?: 'silent' | 'chunks';
}

export interface ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** The body as a form. */
  readonly form: URLSearchParams;
  /** Settles when the answer has been sent, or the client left before. */
  readonly over: Promise<void>;
}

export type Script = ScriptedAnswer | ((request: ScriptedRequest) => ScriptedAnswer | Promise<ScriptedAnswer>);

export interface ScriptedProviderOptions {
  readonly host?: string;
  readonly port?: number;
  /** Serve https with this PEM key and certificate. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A provider that does what a test says: wrong, slow, hostile or dead. Paths without a script answer 404. */
export interface ScriptedProvider {
  readonly origin: string;
  url(path: string): string;
  /** Answers every request to a path from now on. */
  answer(path: string, script: Script): void;
  /** Answers the next requests to a path, one each, before its standing script counts again. */
  enqueue(path: string, ...scripts: readonly Script[]): void;
  /** Serves discovery metadata with the usual endpoints (`/authorize`, `/token`, ...), changed as given. */
  publishMetadata(changes?: Readonly<Record<string, unknown>>): void;
  requests(path?: string): readonly ScriptedRequest[];
  /** Sockets ever accepted: a canary sees a connection even when no request follows. */
  connectionCount(): number;
  /** Sockets that are open now. */
  openConnections(): number;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startScriptedProvider(options: ScriptedProviderOptions = {}): Promise<ScriptedProvider> {
  const standing = new Map<string, Script>();
  const queued = new Map<string, Script[]>();
  const seen: ScriptedRequest[] = [];
  const sockets = new Set<Socket>();
  let accepted = 0;

  const listener: RequestListener = (request, response) => {
    answerRequest(request, response).catch(() => response.destroy());
  };
  const answerRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const over = new Promise<void>((resolve) => response.once('close', resolve));
    const scripted = { ...(await readRequest(request)), over };
    seen.push(scripted);
    const script = queued.get(scripted.path)?.shift() ?? standing.get(scripted.path) ?? { status: 404 };
    await sendAnswer(response, typeof script === 'function' ? await script(scripted) : script);
  };
  const server = options.tls === undefined ? createPlainServer(listener) : createTlsServer(options.tls, listener);
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const scheme = options.tls === undefined ? 'http' : 'https';
  const shownHost = host.includes(':') ? `[${host}]` : host;
  const origin = `${scheme}://${shownHost}:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    origin,
    url: (path) => `${origin}${path}`,
    answer: (path, script) => {
      standing.set(path, script);
    },
    enqueue: (path, ...scripts) => {
      queued.set(path, [...(queued.get(path) ?? []), ...scripts]);
    },
    publishMetadata: (changes = {}) => {
      standing.set('/.well-known/openid-configuration', { body: { ...createMetadata(origin), ...changes } });
    },
    requests: (path) => seen.filter((request) => path === undefined || request.path === path),
    connectionCount: () => accepted,
    openConnections: () => sockets.size,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createMetadata(origin: string): Record<string, unknown> {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    userinfo_endpoint: `${origin}/userinfo`,
    revocation_endpoint: `${origin}/revoke`,
    jwks_uri: `${origin}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    code_challenge_methods_supported: ['S256'],
  };
}

async function readRequest(request: IncomingMessage): Promise<Omit<ScriptedRequest, 'over'>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  const url = new URL(request.url ?? '/', 'http://scripted.invalid');
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body,
    form: new URLSearchParams(body),
  };
}

async function sendAnswer(response: ServerResponse, answer: ScriptedAnswer): Promise<void> {
  if (answer.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, answer.delayMs));
  await answer.heldUntil;
  if (answer.drop === 'before') {
    response.destroy();
    return;
  }
  const isRaw = typeof answer.body === 'string' || answer.body instanceof Uint8Array;
  const bytes = Buffer.from(isRaw ? (answer.body as string | Uint8Array) : JSON.stringify(answer.body ?? {}));
  const contentType = typeof answer.body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  const headers = { 'content-type': contentType, ...answer.headers };
  if (answer.endless !== undefined) {
    response.writeHead(answer.status ?? 200, headers);
    if (answer.endless === 'silent') response.flushHeaders();
    else sendWithoutEnd(response);
    return;
  }
  const hasNoBody = answer.status === 204 || answer.status === 304;
  response.writeHead(answer.status ?? 200, hasNoBody ? {} : { ...headers, 'content-length': String(bytes.length) });
  if (answer.drop === 'midway') {
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
    return;
  }
  response.end(bytes);
}

function sendWithoutEnd(response: ServerResponse): void {
  const chunk = Buffer.alloc(16 * 1024, 'x');
  const send = (): void => {
    while (!response.destroyed) {
      if (!response.write(chunk)) {
        response.once('drain', send);
        return;
      }
    }
  };
  send();
}
