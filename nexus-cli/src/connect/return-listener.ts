/**
 * Where the browser of a bound flow ends up: a page of this program, on this machine only. It takes the handle that the
 * Gateway put into the address and hands it over; what the person then reads is the outcome.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReturnListener extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/done` */
  readonly url: string;
}

/** Returns the sentence for the person, or null for an address that is not of this flow; does not fail. */
export type Returned = (query: URLSearchParams) => Promise<string | null>;

export async function listenForReturn(returned: Returned): Promise<ReturnListener> {
  const server = createServer((request, response) => {
    void answer(request, response, returned);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/done`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      // The page that tells of the outcome goes out; what keeps a connection open beyond that does not hold the program up.
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 1_000).unref();
      await closed;
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, returned: Returned): Promise<void> {
  const { port } = request.socket.address() as AddressInfo;
  const url = new URL(request.url ?? '/', `http://127.0.0.1:${port}`);
  const isOurs = isNavigation(request, url.host) && request.method === 'GET' && url.pathname === '/done';
  const sentence = isOurs ? await returned(url.searchParams) : null;
  response.writeHead(sentence === null ? 404 : 200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'",
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  response.end(`<!doctype html><title>nexus-cli</title><p>${escapeHtml(sentence ?? 'There is nothing here.')}</p>\n`);
}

/**
 * The browser itself going from page to page, as at the end of the flow, or a program, which says no site. A name that
 * somebody lets resolve to this machine is not ours, and neither pictures, scripts nor frames of another page get here; a
 * link to here, on any page, does.
 */
function isNavigation({ headers }: IncomingMessage, host: string): boolean {
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': destination } = headers;
  return headers.host === host && (site === undefined || (mode === 'navigate' && destination === 'document'));
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}
