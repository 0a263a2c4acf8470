/** One GET with all a check wants to know of it: the clock of the other side, its certificate, its answer. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Tls } from '../settings.js';

export interface Target {
  readonly url: URL;
  readonly tls: Tls;
}

export interface Probed {
  readonly status: number;
  /** Null for what is not JSON. */
  readonly body: Readonly<Record<string, unknown>> | null;
  /** Milliseconds the clock of the other side is ahead, as exactly as a `Date` header tells; null without one. */
  readonly aheadMs: number | null;
  /** When its certificate ends, epoch milliseconds; null without TLS. */
  readonly certificateEnds: number | null;
}

/** What stood in the way: a code such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
export interface Unreached {
  readonly code: string;
}

const patienceMs = 10_000;
const maxBytes = 4 * 1024 * 1024;

export async function probe(target: Target, path: string, key: string | null = null): Promise<Probed | Unreached> {
  const began = Date.now();
  try {
    const response = await send(target, path, key);
    const ended = Date.now();
    // Before the body is read, after which the socket is let go.
    const certificateEnds = readCertificateEnd(response);
    const body = parse(await readText(response));
    const aheadMs = readAhead(response, began, ended);
    return { status: response.statusCode ?? 0, body, aheadMs, certificateEnds };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { code: code ?? message };
  }
}

function send({ url: base, tls }: Target, path: string, key: string | null): Promise<IncomingMessage> {
  const url = new URL(path, base);
  const isTls = url.protocol === 'https:';
  const headers = { 'User-Agent': 'nexus-cli', ...(key === null ? {} : { 'X-API-Key': key }) };
  return new Promise((resolve, reject) => {
    // A connection of its own: one that was kept might not show its certificate.
    const options = { headers, timeout: patienceMs, agent: false, ...(isTls ? tls : {}) };
    const sent = (isTls ? requestHttps : requestHttp)(url, options, resolve);
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.end();
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error('an endless answer');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): Probed['body'] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

function readCertificateEnd({ socket }: IncomingMessage): number | null {
  if (!('getPeerCertificate' in socket)) return null;
  const ends = Date.parse((socket as TLSSocket).getPeerCertificate().valid_to);
  return Number.isNaN(ends) ? null : ends;
}

/** The header has whole seconds, so within that second and the time under way the clocks agree. */
function readAhead({ headers }: IncomingMessage, began: number, ended: number): number | null {
  const told = Date.parse(headers.date ?? '');
  if (Number.isNaN(told)) return null;
  if (told > ended) return told - ended;
  return told + 1_000 < began ? told + 1_000 - began : 0;
}
