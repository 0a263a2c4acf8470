/** The Broker and the Gateway over HTTP. Redirects are not followed, and only their own words about a failure passed on. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { errorCodes } from '@nexus/core/errors';
import { type CommandContext, CommandError, exits, usageError } from './command.js';
import { type ApiSettings, readBrokerSettings, readGatewaySettings } from './settings.js';

/** A list is one parameter given several times. */
export type Query = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Call {
  readonly query?: Query;
  readonly body?: unknown;
}

/** Nothing at all comes for so long: the service is gone. */
const silenceMs = 60_000;
/** A change may take longer than that before its answer begins. */
const changeSilenceMs = 15 * 60_000;
const maxAnswerBytes = 64 * 1024 * 1024;

/** What the service said no with. */
export class Refusal extends CommandError {
  override readonly name = 'Refusal';
  readonly status: number;
  /** One of the codes of docs/reference/errors.md; null where what answered is no Broker. */
  readonly code: string | null;
  /** Which of the fields sent are wrong; empty where that is not the matter. */
  readonly details: NonNullable<ErrorAnswer['details']>;

  constructor(service: string, status: number, answer: ErrorAnswer | null) {
    const told = answer === null ? `status ${status}` : `${answer.code}: ${answer.message}`;
    // A service that is there and says no has decided; anything else leaves open what would be true.
    const exitCode = answer !== null && status < 500 ? exits.refused : exits.unreadable;
    super(exitCode, `refused by the ${service}: ${told}`, { advice: answer === null ? [] : adviseOn(answer) });
    this.status = status;
    this.code = answer?.code ?? null;
    this.details = answer?.details ?? [];
  }
}

interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
  readonly details?: readonly { readonly path: string; readonly message: string }[];
}

function adviseOn({ code, details = [] }: ErrorAnswer): string[] {
  const advice = code in errorCodes && details.length === 0 ? errorCodes[code as keyof typeof errorCodes].advice : null;
  return [...details.map(({ path, message }) => `${path}: ${message}`), ...(advice === null ? [] : [advice])];
}

export class Api {
  readonly #settings: ApiSettings;
  readonly #signal: AbortSignal | undefined;

  /** Once `signal` is aborted nothing is waited for any more. */
  constructor(settings: ApiSettings, signal?: AbortSignal) {
    this.#settings = settings;
    this.#signal = signal;
  }

  /** All methods: @throws Refusal, or CommandError `unreadable` where nothing answers that could be read. */
  async get<T>(path: string, query: Query = {}): Promise<T> {
    return readJson<T>(await this.#send('GET', path, { query }), this.#settings);
  }

  async post<T>(path: string, body: unknown = null, query: Query = {}): Promise<T> {
    return readJson<T>(await this.#send('POST', path, { body, query }), this.#settings);
  }

  async put<T>(path: string, body: unknown, query: Query = {}): Promise<T> {
    return readJson<T>(await this.#send('PUT', path, { body, query }), this.#settings);
  }

  async patch<T>(path: string, body: unknown): Promise<T> {
    return readJson<T>(await this.#send('PATCH', path, { body }), this.#settings);
  }

  async delete<T>(path: string, query: Query = {}): Promise<T> {
    return readJson<T>(await this.#send('DELETE', path, { query }), this.#settings);
  }

  /** Every page of a list, by its `next_cursor`. */
  async *pages<T extends { readonly next_cursor?: string | undefined }>(
    path: string,
    query: Query = {},
  ): AsyncGenerator<T> {
    let cursor: string | null = null;
    do {
      const page: T = await this.get<T>(path, { ...query, cursor });
      yield page;
      cursor = page.next_cursor ?? null;
    } while (cursor !== null);
  }

  async stream(path: string, query: Query = {}): Promise<AsyncIterable<Uint8Array>> {
    return readStream(await this.#send('GET', path, { query }), this.#settings);
  }

  async #send(method: Method, path: string, call: Call): Promise<IncomingMessage> {
    const response = await this.#request(method, path, call);
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode <= 299) return response;
    throw new Refusal(this.#settings.service, statusCode, readError(await readText(response, this.#settings)));
  }

  #request(method: Method, path: string, { query = {}, body = null }: Call): Promise<IncomingMessage> {
    const { url: base, apiKey, tls } = this.#settings;
    // A URL would take them for steps, and the request to another resource.
    if (/\/\.\.?(\/|$)/.test(path)) throw usageError('“.” and “..” are the ids of nothing');
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) if (one !== null) url.searchParams.append(name, String(one));
    }
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const json = body === null ? null : JSON.stringify(body);
    const headers = {
      ...(apiKey === null ? {} : { 'X-API-Key': apiKey }),
      'User-Agent': 'nexus-cli',
      ...(json === null ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) }),
    };
    const timeout = method === 'GET' ? silenceMs : changeSilenceMs;
    return new Promise((resolve, reject) => {
      const options = { method, headers, timeout, ...(this.#signal && { signal: this.#signal }) };
      const sent = request(url, { ...options, ...(url.protocol === 'https:' ? tls : {}) }, resolve);
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.on('error', (cause) => reject(unreachable(this.#settings, cause)));
      sent.end(json ?? undefined);
    });
  }
}

/** With what the environment and the profile say. @throws CommandError */
export async function openBroker(context: CommandContext, signal?: AbortSignal): Promise<Api> {
  return new Api(await readBrokerSettings(context), signal);
}

/** @throws CommandError */
export async function openGateway(context: CommandContext, signal?: AbortSignal): Promise<Api> {
  return new Api(await readGatewaySettings(context), signal);
}

function unreachable({ service, url }: ApiSettings, cause: Error & { code?: string }): CommandError {
  const reason = cause.code ?? cause.message;
  return new CommandError(exits.unreadable, `the ${service} at ${url.origin} cannot be reached: ${reason}`, { cause });
}

async function* readStream(response: IncomingMessage, { service }: ApiSettings): AsyncGenerator<Uint8Array> {
  try {
    yield* response;
  } catch (cause) {
    throw new CommandError(exits.unreadable, `the transfer from the ${service} broke off`, { cause });
  }
}

async function readText(response: IncomingMessage, settings: ApiSettings): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readStream(response, settings)) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) {
      throw new CommandError(exits.unreadable, `the answer of the ${settings.service} is too long`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readJson<T>(response: IncomingMessage, settings: ApiSettings): Promise<T> {
  const text = await readText(response, settings);
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new CommandError(exits.unreadable, `what answers there is not a ${settings.service}`, { cause });
  }
}

function readError(text: string): ErrorAnswer | null {
  try {
    const answer = JSON.parse(text) as Partial<ErrorAnswer> | null;
    return typeof answer?.code === 'string' && typeof answer.message === 'string' ? (answer as ErrorAnswer) : null;
  } catch {
    return null;
  }
}
