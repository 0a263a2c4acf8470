/**
 * The Gateway's way to the Broker: JSON over keep-alive connections. Waiting polls, and whatever may take as long as a
 * provider or an issuer does, travel on pools of their own, so that none ever takes a connection from a token read, and
 * agents take none from the people who connect accounts.
 */
import { type ErrorCode, errorCodes, NexusError } from '@nexus/core/errors';
import type { Secret } from '@nexus/core/secret';
import { Pool } from 'undici';

/** Who the Gateway speaks for; passed on to the Broker, which honours it from the gateway role only. */
export interface CallerContext {
  readonly requestId: string;
  readonly callerKey: string | null;
  readonly callerIp: string | null;
  readonly userAgent: string | null;
}

interface BrokerClientOptions {
  /** Origin of the Broker. */
  readonly brokerUrl: string;
  readonly gatewayKey: Secret<string>;
  readonly connections: number;
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null } | null;
}

export interface BrokerCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path of a Broker route; never holds a connection id, key or ticket. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly waitSeconds?: number;
}

export interface BrokerClient {
  /**
   * Performs one call and returns the parsed answer.
   *
   * @throws NexusError with the Broker's own code, or `broker_unavailable` when it cannot be reached.
   */
  call<T>(caller: CallerContext, request: BrokerCall): Promise<T>;
  /** Whether the Broker answers that it is ready. */
  isReady(): Promise<boolean>;
  close(): Promise<void>;
}

const answerTimeoutMs = 30_000;
/** As many as one Broker parks; a poll that finds no place is answered at once. */
const maxParkedPolls = 8_192;
/** Routes that call a provider or an issuer before they answer; those of one expression share a pool. */
const slowPaths = [
  /^\/internal\/v1\/(flows\/(continue|callback|capture)|connections\/(refresh|delete|complete))$/,
  /^\/internal\/v1\/sessions\/token$/,
  /^\/internal\/v1\/sessions\/obo$/,
];

export function createBrokerClient(options: BrokerClientOptions): BrokerClient {
  const { origin } = new URL(options.brokerUrl);
  const connect = options.tls === null ? {} : removeNulls(options.tls);
  const settings = { keepAliveTimeout: 30_000, pipelining: 1, connect: { timeout: 3_000, ...connect } };
  const createPool = () => new Pool(origin, { ...settings, connections: options.connections });
  const pool = createPool();
  const slowPools = slowPaths.map((paths) => ({ paths, pool: createPool() }));
  const waitingPool = new Pool(origin, { ...settings, connections: maxParkedPolls });
  const gatewayKey = options.gatewayKey.reveal();

  async function send(caller: CallerContext, request: BrokerCall) {
    const choosePool = () => {
      if ((request.waitSeconds ?? 0) > 0) return waitingPool;
      return slowPools.find(({ paths }) => paths.test(request.path))?.pool ?? pool;
    };
    const timeout = answerTimeoutMs + (request.waitSeconds ?? 0) * 1_000;
    const query = request.query === undefined ? '' : `?${new URLSearchParams(request.query).toString()}`;
    return choosePool().request({
      method: request.method,
      path: request.path + query,
      headers: headersOf(caller, gatewayKey, request.body !== undefined),
      body: request.body === undefined ? null : JSON.stringify(request.body),
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
  }

  return {
    async call<T>(caller: CallerContext, request: BrokerCall): Promise<T> {
      let status: number;
      let answer: unknown;
      let retryAfter: number | null = null;
      try {
        const response = await send(caller, request);
        status = response.statusCode;
        retryAfter = readRetryAfter(response.headers['retry-after']);
        answer = await response.body.json();
      } catch (error) {
        throw new NexusError('broker_unavailable', 'The Broker cannot be reached; try again shortly.', {
          cause: error,
        });
      }
      if (status < 400) return answer as T;
      throw toNexusError(status, answer, retryAfter);
    },
    async isReady() {
      try {
        const response = await pool.request({ method: 'GET', path: '/readyz', headersTimeout: 3_000 });
        await response.body.dump();
        return response.statusCode === 200;
      } catch {
        return false;
      }
    },
    async close() {
      // Parked polls are answered by their own side; whoever still waits then has nobody to wait for.
      const answered = [pool, ...slowPools.map((slow) => slow.pool)];
      await Promise.all([...answered.map((each) => each.close()), waitingPool.destroy()]);
    },
  };
}

function headersOf(caller: CallerContext, gatewayKey: string, hasBody: boolean): Record<string, string> {
  const headers: Record<string, string> = { 'x-api-key': gatewayKey, 'x-request-id': caller.requestId };
  if (hasBody) headers['content-type'] = 'application/json';
  if (caller.callerKey !== null) headers['x-nexus-caller-key'] = caller.callerKey;
  if (caller.callerIp !== null) headers['x-nexus-caller-ip'] = caller.callerIp;
  if (caller.userAgent !== null)
    headers['x-nexus-caller-user-agent'] = encodeURIComponent(caller.userAgent.slice(0, 256));
  return headers;
}

function readRetryAfter(value: string | string[] | undefined): number | null {
  const seconds = Number(typeof value === 'string' ? value : Number.NaN);
  return Number.isInteger(seconds) && seconds >= 0 ? seconds : null;
}

interface BrokerErrorAnswer {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly status?: string;
  readonly reason?: { readonly code: string; readonly message: string };
  readonly details?: readonly { readonly path: string; readonly message: string }[];
}

function toNexusError(status: number, answer: unknown, retryAfter: number | null): NexusError {
  const body = (answer ?? {}) as BrokerErrorAnswer;
  if (typeof body.code !== 'string' || !(body.code in errorCodes) || typeof body.message !== 'string') {
    return new NexusError('broker_unavailable', 'The Broker gave an answer that is not its own.', { cause: status });
  }
  return new NexusError(body.code as ErrorCode, body.message, {
    status,
    ...(body.details === undefined ? {} : { details: body.details }),
    ...(body.status === undefined ? {} : { connectionStatus: body.status }),
    ...(body.reason === undefined ? {} : { reason: body.reason }),
    ...(retryAfter === null ? {} : { retryAfter }),
  });
}

function removeNulls(record: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== null));
}
