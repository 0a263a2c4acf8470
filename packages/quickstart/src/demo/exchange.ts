import type { IncomingMessage, ServerResponse } from 'node:http';

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
}

/** No `form-action`: Chromium applies it to the redirect back to the application as well. */
export const pageHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
} as const;

const longestForm = 8_192;

export function sendPage({ response }: Exchange, status: number, page: string): void {
  response.writeHead(status, { ...pageHeaders, 'Content-Type': 'text/html; charset=utf-8' }).end(page);
}

export function sendJson({ response }: Exchange, status: number, body: unknown): void {
  response
    .writeHead(status, { 'Cache-Control': 'no-store', 'Content-Type': 'application/json; charset=utf-8' })
    .end(`${JSON.stringify(body)}\n`);
}

export function redirect({ response }: Exchange, location: string): void {
  response.writeHead(303, { Location: location, 'Cache-Control': 'no-store' }).end();
}

/** Reads a submitted form; one that is too long reads as empty. */
export async function readForm({ request }: Exchange): Promise<URLSearchParams> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) {
    if (text.length <= longestForm) text += chunk;
  }
  return new URLSearchParams(text.length > longestForm ? '' : text);
}

/**
 * Whether a form may have been sent by a page of this very origin. Browsers always say where a form comes from; a client
 * that says nothing is a script, and scripts may drive a demo.
 */
export function isSentByOwnPage({ request, url }: Exchange): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  return request.headers.origin === undefined || request.headers.origin === url.origin;
}
