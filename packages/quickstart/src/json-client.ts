import { parseJson } from './json-object.js';

export interface JsonRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH';
  readonly url: string;
  readonly apiKey?: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

export interface JsonAnswer {
  readonly status: number;
  /** Undefined when the body is not JSON. */
  readonly body: unknown;
}

/** Sends one request and reads a JSON answer; rejects when nothing answers in time or the signal is aborted. */
export type SendJson = (request: JsonRequest) => Promise<JsonAnswer>;

export function createJsonClient(deps: { readonly fetch: typeof fetch }): SendJson {
  return async ({ method = 'GET', url, apiKey, body, timeoutMs = 10_000, signal }) => {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (apiKey !== undefined) headers['x-api-key'] = apiKey;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const response = await deps.fetch(url, {
      method,
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: parseJson(await response.text()) };
  };
}
