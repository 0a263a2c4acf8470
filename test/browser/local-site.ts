/** A website of somebody else on 127.0.0.1: the application people return to, an attacker's page, a provider's API. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

interface SiteRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
}

interface SiteAnswer {
  readonly status?: number;
  readonly html: string;
}

export interface LocalSite {
  readonly origin: string;
  requests(): readonly SiteRequest[];
  close(): Promise<void>;
}

export async function startSite(answer: (request: SiteRequest) => SiteAnswer): Promise<LocalSite> {
  const seen: SiteRequest[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const current = { method: request.method ?? '', url, headers: request.headers };
    seen.push(current);
    const { status = 200, html } = answer(current);
    response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(`<!doctype html><html lang="en"><link rel="icon" href="data:,">${html}</html>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => [...seen],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
