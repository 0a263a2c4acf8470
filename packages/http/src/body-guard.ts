/**
 * Reads and vets a request body before any handler runs: at most 64 KiB (G1), one known content type (G4), and JSON that
 * means one thing (G2, G3). Handlers and validators then find the vetted text in Hono's body cache.
 */
import { IncomingMessage } from 'node:http';
import { NexusError } from '@nexus/core/errors';
import type { Context, MiddlewareHandler } from 'hono';
import type { HttpEnv } from './environment.js';
import { createMediaTypeError } from './errors.js';
import { checkFormText } from './form-guard.js';
import { decodeUtf8, parseGuardedJson } from './json-guard.js';

/** What a route takes: nothing, JSON (perhaps optionally), or a form. */
export type BodyKind = 'none' | 'json' | 'optional-json' | 'form';

interface BodyGuardOptions {
  readonly maxBytes: number;
  readonly kind: BodyKind;
}

/** The guard of one route; it stands between the route's own middleware, which may refuse the caller, and its schemas. */
export function createBodyGuard({ maxBytes, kind }: BodyGuardOptions): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const bytes = await readBody(c, maxBytes);
    const text = bytes.byteLength === 0 ? acceptEmptyBody(kind) : acceptBody(c, kind, bytes);
    // The cache holds promises at run time; its declared type names their results.
    c.req.bodyCache.text = Promise.resolve(text) as unknown as string;
    return next();
  };
}

function acceptEmptyBody(kind: BodyKind): string {
  if (kind === 'json') throw new NexusError('invalid_request', 'A JSON request body is required.');
  return kind === 'optional-json' ? '{}' : '';
}

function acceptBody(c: Context<HttpEnv>, kind: BodyKind, bytes: Uint8Array): string {
  const encoding = c.req.header('content-encoding');
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') throw createMediaTypeError();
  const expected = kind === 'form' ? 'application/x-www-form-urlencoded' : 'application/json';
  if (!matchesMediaType(c.req.header('content-type'), expected)) throw createMediaTypeError();
  const text = decodeUtf8(bytes);
  if (kind === 'form') {
    checkFormText(text);
    return text;
  }
  const value = parseGuardedJson(text);
  if (kind === 'none') refuseFields(value);
  return text;
}

/** Clients that always send JSON may send `{}` to a route without a body; anything in it would pass unread. */
function refuseFields(value: unknown): void {
  const names = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : null;
  if (names === null || names.length > 0) {
    throw new NexusError('invalid_request', 'This route takes no request body.');
  }
}

/** Parameters are allowed; a charset must be UTF-8 (RFC 8259, section 8.1). */
function matchesMediaType(header: string | undefined, expected: string): boolean {
  const [essence = '', ...parameters] = (header ?? '').split(';');
  if (essence.trim().toLowerCase() !== expected) return false;
  return parameters.every((parameter) => {
    const [name = '', value = ''] = parameter.split('=');
    return name.trim().toLowerCase() !== 'charset' || /^"?utf-8"?$/i.test(value.trim());
  });
}

async function readBody(c: Context<HttpEnv>, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(c.req.header('content-length') ?? '0');
  if (declared > maxBytes) throw createTooLargeError();
  const incoming = c.env?.incoming;
  if (incoming instanceof IncomingMessage) {
    if (declared === 0 && incoming.headers['transfer-encoding'] === undefined) return new Uint8Array();
    return readIncoming(incoming, maxBytes);
  }
  return c.req.raw.body === null ? new Uint8Array() : readStream(c.req.raw.body, maxBytes);
}

/**
 * Collects the body from Node's own stream. Past the limit it stops listening and leaves the stream paused: destroying
 * it would close the socket before the 413 is out. The server adapter then drains or closes the connection.
 */
function readIncoming(incoming: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void): void => {
      incoming.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
      finish();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.byteLength;
      if (size > maxBytes) {
        incoming.pause();
        settle(() => reject(createTooLargeError()));
      } else {
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const onLost = (): void =>
      settle(() => reject(new NexusError('invalid_request', 'The request body did not arrive in full.')));
    incoming.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
    if (incoming.destroyed) onLost();
  });
}

async function readStream(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    size += value.byteLength;
    if (size > maxBytes) {
      await reader.cancel();
      throw createTooLargeError();
    }
    chunks.push(value);
  }
}

function createTooLargeError(): NexusError {
  return new NexusError('payload_too_large', 'The request body is too large.');
}
