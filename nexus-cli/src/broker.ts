/** The Broker over HTTP. Redirects are not followed, and nothing but its own words about a failure is passed on. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { CommandError, exits } from './command.js';
import type { BrokerSettings } from './settings.js';

export type Query = Readonly<Record<string, string | number | null>>;

/** Nothing at all comes for so long: the Broker is gone. */
const silenceMs = 60_000;
/** A change may take longer than that before its answer begins. */
const changeSilenceMs = 15 * 60_000;
const maxAnswerBytes = 64 * 1024 * 1024;

export class Broker {
  readonly #settings: BrokerSettings;

  constructor(settings: BrokerSettings) {
    this.#settings = settings;
  }

  /** @throws CommandError `unreadable`, whatever the reason. */
  async get<T>(path: string, query: Query = {}): Promise<T> {
    const response = await this.#send('GET', path, query, null);
    if (response.statusCode !== 200) throw await describeRefusal(response, exits.unreadable);
    return readJson<T>(response);
  }

  /** @throws CommandError `unreadable` */
  async stream(path: string, query: Query = {}): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send('GET', path, query, null);
    if (response.statusCode !== 200) throw await describeRefusal(response, exits.unreadable);
    return readStream(response);
  }

  /** @throws CommandError `refused` when the Broker says no, `unreadable` when it does not answer. */
  async post<T>(path: string, body: unknown = null): Promise<T> {
    const response = await this.#send('POST', path, {}, body);
    const { statusCode = 0 } = response;
    if (statusCode < 200 || statusCode > 299) throw await describeRefusal(response, exits.refused);
    return readJson<T>(response);
  }

  #send(method: string, path: string, query: Query, body: unknown): Promise<IncomingMessage> {
    const { url: base, apiKey, tls } = this.#settings;
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(query)) if (value !== null) url.searchParams.set(name, String(value));
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const json = body === null ? null : JSON.stringify(body);
    const headers = {
      'X-API-Key': apiKey,
      'User-Agent': 'nexus-cli',
      ...(json === null ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) }),
    };
    const timeout = method === 'GET' ? silenceMs : changeSilenceMs;
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, timeout, ...(url.protocol === 'https:' ? tls : {}) }, resolve);
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.on('error', (cause) => reject(unreachable(base, cause)));
      sent.end(json ?? undefined);
    });
  }
}

function unreachable(url: URL, cause: Error & { code?: string }): CommandError {
  const reason = cause.code ?? cause.message;
  return new CommandError(exits.unreadable, `the Broker at ${url.origin} cannot be reached: ${reason}`, { cause });
}

async function* readStream(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* response;
  } catch (cause) {
    throw new CommandError(exits.unreadable, 'the transfer from the Broker broke off', { cause });
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readStream(response)) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new CommandError(exits.unreadable, 'the answer of the Broker is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readJson<T>(response: IncomingMessage): Promise<T> {
  const text = await readText(response);
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new CommandError(exits.unreadable, 'what answers there is not a Broker', { cause });
  }
}

async function describeRefusal(response: IncomingMessage, exitCode: number): Promise<CommandError> {
  const text = await readText(response);
  let told = `status ${response.statusCode ?? 0}`;
  try {
    const { code, message } = JSON.parse(text) as { readonly code?: unknown; readonly message?: unknown };
    if (typeof code === 'string' && typeof message === 'string') told = `${code}: ${message}`;
  } catch {
    // Whatever answered is no Broker, so its status has to do.
  }
  return new CommandError(exitCode, `refused by the Broker: ${told}`);
}
