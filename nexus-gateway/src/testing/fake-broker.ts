/** A Broker of node:http that answers what a test tells it to and keeps what it was asked. */
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ErrorCode, errorCodes } from '@nexus/core/errors';

export interface ReceivedCall {
  /** `POST /internal/v1/connections/check`, without the query. */
  readonly route: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface FakeAnswer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Answerer = (call: ReceivedCall) => FakeAnswer | Promise<FakeAnswer>;

export interface FakeBroker extends AsyncDisposable {
  readonly url: string;
  readonly calls: readonly ReceivedCall[];
  isReady: boolean;
  on(route: string, answer: FakeAnswer | Answerer): void;
  /** The only call that was made to a route; throws when there were none or several. */
  callTo(route: string): ReceivedCall;
}

export function brokerError(code: ErrorCode, extra: Readonly<Record<string, unknown>> = {}): FakeAnswer {
  const message = `fake broker: ${code}`;
  return { status: errorCodes[code].status, body: { error: code, code, message, request_id: 'r', ...extra } };
}

export async function startFakeBroker(): Promise<FakeBroker> {
  const calls: ReceivedCall[] = [];
  const answers = new Map<string, Answerer>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const url = new URL(request.url ?? '/', 'http://broker.test');
      const send = ({ status = 200, body, headers = {} }: FakeAnswer): void => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify(body));
      };
      if (url.pathname === '/readyz') return send({ status: broker.isReady ? 200 : 503, body: {} });
      const text = Buffer.concat(chunks).toString('utf8');
      const call: ReceivedCall = {
        route: `${request.method} ${url.pathname}`,
        query: url.search,
        headers: request.headers,
        body: text === '' ? null : (JSON.parse(text) as unknown),
      };
      calls.push(call);
      const answer = answers.get(call.route);
      send(answer === undefined ? brokerError('not_found') : await answer(call));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const broker: FakeBroker = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    isReady: true,
    on: (route, answer) => void answers.set(route, typeof answer === 'function' ? answer : () => answer),
    callTo: (route) => {
      const [call, ...others] = calls.filter((candidate) => candidate.route === route);
      if (call === undefined || others.length > 0) {
        throw new Error(`expected one call to ${route}, saw ${calls.map((seen) => seen.route).join(', ') || 'none'}`);
      }
      return call;
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return broker;
}
