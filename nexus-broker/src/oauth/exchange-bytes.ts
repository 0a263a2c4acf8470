/**
 * One HTTP request and its whole answer, bounded in time and size. It drives undici's dispatcher directly, because
 * only its handler tells the moment before which nothing was sent, and because nothing is then decompressed, followed
 * or buffered behind our back.
 */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { findOutgoingError, OutgoingError, type OutgoingReason } from './outgoing-error.js';

interface ByteRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  readonly signal: AbortSignal | null;
  readonly totalTimeoutMs: number;
  readonly maxBytes: number;
}

export interface ByteAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

type Head = Pick<ByteAnswer, 'status' | 'headers'>;

/** Rejects with OutgoingError only. */
export async function exchangeBytes(dispatcher: Dispatcher, request: ByteRequest): Promise<ByteAnswer> {
  const answer = await dispatchOnce(dispatcher, request);
  return { ...answer, body: await decodeBody(answer, request.maxBytes) };
}

function dispatchOnce(dispatcher: Dispatcher, request: ByteRequest): Promise<ByteAnswer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | null = null;
    let head: Head | null = null;
    let isSettled = false;
    let size = 0;
    const chunks: Buffer[] = [];

    const settle = (finish: () => void) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
      finish();
    };
    const fail = (reason: OutgoingReason, cause?: unknown) => {
      const error = new OutgoingError(reason, {
        wasSent: controller !== null,
        ...(head === null ? {} : { status: head.status }),
        cause,
      });
      settle(() => reject(error));
      controller?.abort(error);
    };
    const onAbort = () => fail('aborted', request.signal?.reason);
    const timer = setTimeout(() => fail('timeout'), request.totalTimeoutMs);
    request.signal?.addEventListener('abort', onAbort, { once: true });
    if (request.signal?.aborted === true) {
      onAbort();
      return;
    }

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        // The deadline may have passed while the connection was being made: then not a byte is written.
        if (isSettled) started.abort(new OutgoingError('aborted', { wasSent: false }));
        else controller = started;
      },
      onResponseStart(_controller, status, headers) {
        if (status < 200) return;
        head = { status, headers };
        if (request.method !== 'HEAD' && Number(headers['content-length']) > request.maxBytes) fail('too_large');
      },
      onResponseData(_controller, chunk) {
        size += chunk.length;
        if (size > request.maxBytes) fail('too_large');
        else chunks.push(chunk);
      },
      onResponseEnd() {
        const complete = head;
        if (complete === null) fail('undecodable');
        else settle(() => resolve({ ...complete, body: Buffer.concat(chunks) }));
      },
      onResponseError(_controller, error) {
        const known = findOutgoingError(error);
        if (known !== null) settle(() => reject(known));
        else fail(readReason(error, controller !== null), error);
      },
    };
    try {
      dispatcher.dispatch(toDispatchOptions(request), handler);
    } catch (error) {
      fail('invalid_request', error);
    }
  });
}

function toDispatchOptions(request: ByteRequest): Dispatcher.DispatchOptions {
  return {
    origin: request.url.origin,
    path: `${request.url.pathname}${request.url.search}`,
    method: request.method,
    headers: { ...request.headers },
    body: request.body,
    headersTimeout: request.totalTimeoutMs,
    bodyTimeout: request.totalTimeoutMs,
  };
}

function readReason(error: unknown, wasSent: boolean): OutgoingReason {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return 'timeout';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'too_large';
  if (code.startsWith('HPE_')) return 'undecodable';
  if (code === 'UND_ERR_INVALID_ARG') return 'invalid_request';
  return wasSent ? 'reset' : 'connect';
}

const decoders: Readonly<Record<string, (body: Uint8Array, limit: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** We ask for no compression; a server that compresses anyway gets one layer undone, and never past the limit. */
async function decodeBody(answer: ByteAnswer, maxBytes: number): Promise<Uint8Array> {
  const encoding = String(answer.headers['content-encoding'] ?? 'identity')
    .trim()
    .toLowerCase();
  if (encoding === 'identity' || encoding === '' || answer.body.length === 0) return answer.body;
  const decode = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (decode === undefined) throw new OutgoingError('undecodable', { wasSent: true, status: answer.status });
  try {
    return await decode(answer.body, { maxOutputLength: maxBytes });
  } catch (cause) {
    const isTooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    throw new OutgoingError(isTooLarge ? 'too_large' : 'undecodable', { wasSent: true, status: answer.status, cause });
  }
}
