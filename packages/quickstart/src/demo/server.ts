import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { answerDemoKey } from './demo-key.js';
import { type Exchange, sendJson, sendPage } from './exchange.js';
import { removeAccess, showHome } from './home.js';
import { handleInteraction } from './interaction.js';
import { renderProblemPage, renderReturnPage } from './pages.js';
import { stylesheet } from './stylesheet.js';

interface ServerDeps {
  readonly provider: Provider;
  readonly gatewayUrl: string;
  readonly log: (event: string, facts: { readonly [name: string]: unknown }) => void;
}

function showReturn(exchange: Exchange, gatewayUrl: string): void {
  const query = exchange.url.searchParams;
  const isConnected = query.get('status') === 'success';
  sendPage(
    exchange,
    200,
    renderReturnPage({
      isConnected,
      providerName: query.get('provider'),
      connectionRef: query.get('connection_ref'),
      error: isConnected ? null : (query.get('error') ?? 'unknown'),
      gatewayUrl,
    }),
  );
}

function sendStylesheet({ response }: Exchange): void {
  response.writeHead(200, { 'Content-Type': 'text/css; charset=utf-8', 'Cache-Control': 'max-age=60' }).end(stylesheet);
}

/** The pages and props of the demo; false where the path belongs to the OpenID provider itself. */
async function answerOwnPath({ provider, gatewayUrl }: ServerDeps, exchange: Exchange): Promise<boolean> {
  const { request, url } = exchange;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (url.pathname.startsWith('/interaction/')) await handleInteraction(provider, exchange);
  else if (isRead && url.pathname === '/') await showHome(provider, exchange, gatewayUrl);
  else if (request.method === 'POST' && url.pathname === '/access/remove') await removeAccess(provider, exchange);
  else if (isRead && url.pathname === '/demo-app/return') showReturn(exchange, gatewayUrl);
  else if (isRead && url.pathname === '/demo-key/me') answerDemoKey(exchange);
  else if (isRead && url.pathname === '/demo.css') sendStylesheet(exchange);
  else if (isRead && url.pathname === '/readyz') sendJson(exchange, 200, { status: 'ok' });
  else return false;
  return true;
}

/** The server of everything the demo offers; errors are logged and shown as a page without details. */
export function createDemoServer(deps: ServerDeps): Server {
  const answerAsProvider = deps.provider.callback();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const origin = `http://${request.headers.host ?? 'localhost'}`;
    const path = request.url ?? '/';
    if (!URL.canParse(path, origin)) {
      response.writeHead(400).end();
      return;
    }
    const exchange = { request, response, url: new URL(path, origin) };
    try {
      if (await answerOwnPath(deps, exchange)) return;
    } catch (error) {
      deps.log('request failed', { error: error instanceof Error ? error.message : String(error) });
      if (!response.headersSent)
        sendPage(exchange, 500, renderProblemPage('Something went wrong', 'Please try again.'));
      return;
    }
    await answerAsProvider(request, response);
  };
  return createServer((request, response) => {
    void answer(request, response);
  });
}
