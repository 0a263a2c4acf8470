/**
 * The only way out of the Broker. Defends against server-side request forgery through provider URLs, metadata,
 * redirects and DNS (OWASP API7:2023; ASVS 5.0 15.3.2), and against answers made to exhaust the process. Proxies named
 * in the environment are not used: they would resolve names out of our sight.
 */
import { lookup } from 'node:dns/promises';
import { NexusError } from '@nexus/core/errors';
import { Agent } from 'undici';
import { createEgressRules, type EgressSettings } from './egress-rules.js';
import { type ByteAnswer, exchangeBytes } from './exchange-bytes.js';
import { OutgoingError } from './outgoing-error.js';
import { createPinnedConnector, type ResolveHost } from './pinned-connector.js';

const maxAnswerBytes = 256 * 1024;
const connectTimeoutMs = 3_000;
/** Well below the refresh lease of 30 s, so a lease never ends while its request is open. */
const totalTimeoutMs = 10_000;

export interface GuardedFetchSettings extends EgressSettings {
  /** Replaces the system resolver in tests. */
  readonly resolve?: ResolveHost;
  /** PEM certificates trusted instead of the built-in roots. */
  readonly ca?: readonly string[];
  readonly timeouts?: { readonly connectMs?: number; readonly totalMs?: number };
}

interface GuardedRequest {
  readonly method?: string;
  readonly headers?: Headers | Readonly<Record<string, string>>;
  readonly body?: string | URLSearchParams | Uint8Array | null | undefined;
  readonly signal?: AbortSignal | null | undefined;
  /** Of an answer's body, at most 256 KiB. */
  readonly maxAnswerBytes?: number;
  /** Of the answer's head, besides those that are always kept; in any case. */
  readonly keepHeaders?: readonly string[];
}

export interface GuardedFetch {
  /** Whether plain http can pass at all (development, loopback only). */
  readonly allowsPlainHttp: boolean;
  /**
   * Sends one request and reads its whole answer. A redirect is returned, never followed. Throws OutgoingError, whose
   * `wasSent` tells whether the other side may have acted.
   */
  fetch(url: string, request?: GuardedRequest): Promise<Response>;
  /** Refuses a URL by its text alone. Throws NexusError `provider_unsafe`. */
  checkUrlText(url: string): void;
  /** As `checkUrlText`, and resolves the name now; a name that does not resolve is accepted, since no call is made. */
  checkUrl(url: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function createGuardedFetch(settings: GuardedFetchSettings): GuardedFetch {
  const rules = createEgressRules(settings);
  const resolve = settings.resolve ?? resolveWithSystem;
  const agent = new Agent({
    connect: createPinnedConnector(
      { rules, resolve },
      { connectTimeoutMs: settings.timeouts?.connectMs ?? connectTimeoutMs, ca: settings.ca ?? null },
    ),
    // No fewer than a profile may allow at once: whoever waited here would spend its time to answer without being asked.
    connections: 128,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 60_000,
  });
  return {
    allowsPlainHttp: rules.allowsPlainHttp,
    async fetch(text, request = {}) {
      const url = rules.readUrl(text);
      const { headers, body } = readRequest(request);
      const answer = await exchangeBytes(agent, {
        url,
        method: (request.method ?? 'GET').toUpperCase(),
        headers,
        body,
        signal: request.signal ?? null,
        totalTimeoutMs: settings.timeouts?.totalMs ?? totalTimeoutMs,
        maxBytes: Math.min(request.maxAnswerBytes ?? maxAnswerBytes, maxAnswerBytes),
      });
      return toResponse(answer, request.keepHeaders ?? []);
    },
    checkUrlText(text) {
      asPublicError(() => rules.readUrl(text));
    },
    async checkUrl(text) {
      const url = asPublicError(() => rules.readUrl(text));
      for (const address of await resolveNow(resolve, url)) {
        asPublicError(() => rules.vetAddress({ url, address }));
      }
    },
    async [Symbol.asyncDispose]() {
      await agent.destroy();
    },
  };
}

async function resolveWithSystem(hostname: string): Promise<readonly string[]> {
  const entries = await lookup(hostname, { all: true, verbatim: true });
  return entries.map((entry) => entry.address);
}

/** The addresses a name has at this moment; none when it has none, or when the resolver takes too long. */
async function resolveNow(resolve: ResolveHost, url: URL): Promise<readonly string[]> {
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<readonly string[]>((settle) => {
    timer = setTimeout(() => settle([]), connectTimeoutMs);
  });
  try {
    return await Promise.race([resolve(literal), deadline]);
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
  }
}

function asPublicError<T>(check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof OutgoingError)) throw cause;
    throw toPublicError(cause);
  }
}

function toPublicError(cause: OutgoingError): NexusError {
  const message = 'A URL of this provider may not be called: it must be public https.';
  return new NexusError('provider_unsafe', message, { cause });
}

/** These frame the message or name its target; they are undici's to set. */
const framingHeaders = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'expect',
  'upgrade',
  'te',
]);

function readRequest(request: GuardedRequest): { headers: Record<string, string>; body: string | Uint8Array | null } {
  const headers: Record<string, string> = { 'user-agent': 'nexus-broker', 'accept-encoding': 'identity' };
  const given = request.headers instanceof Headers ? request.headers.entries() : Object.entries(request.headers ?? {});
  for (const [name, value] of given) {
    const lowerName = name.toLowerCase();
    if (!framingHeaders.has(lowerName)) headers[lowerName] = value;
  }
  const body = request.body ?? null;
  if (!(body instanceof URLSearchParams)) return { headers, body };
  headers['content-type'] ??= 'application/x-www-form-urlencoded;charset=UTF-8';
  return { headers, body: body.toString() };
}

/** All that our own code reads of an answer's head. */
const keptHeaders = ['content-type', 'www-authenticate', 'retry-after', 'location', 'date'];

function toResponse(answer: ByteAnswer, alsoKept: readonly string[]): Response {
  const headers = new Headers();
  for (const name of [...keptHeaders, ...alsoKept]) {
    const value = answer.headers[name.toLowerCase()];
    if (typeof value === 'string' && isPlainText(value)) headers.set(name, value);
  }
  const hasNoBody = answer.status === 204 || answer.status === 205 || answer.status === 304;
  try {
    return new Response(hasNoBody ? null : new Uint8Array(answer.body), { status: answer.status, headers });
  } catch (cause) {
    throw new OutgoingError('undecodable', { wasSent: true, cause });
  }
}

function isPlainText(value: string): boolean {
  return /^[\t\x20-\x7e]{0,2048}$/.test(value);
}
