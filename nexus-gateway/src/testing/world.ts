import { createToken } from '@nexus/core/tokens';
import type { FakeBroker } from './fake-broker.js';
import { startFakeBroker } from './fake-broker.js';
import type { TestGateway } from './test-gateway.js';
import { createTestGateway } from './test-gateway.js';

/** An agent at the standard door. */
export interface Client {
  readonly agentId: string;
  readonly key: string;
}

interface Sending {
  readonly key?: string;
  readonly bearer?: string;
  /** Client authentication of the standard door. */
  readonly client?: Client;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as a URL-encoded form. */
  readonly form?: Readonly<Record<string, string>>;
  readonly peer?: string;
}

export interface World extends AsyncDisposable {
  readonly broker: FakeBroker;
  readonly gateway: TestGateway;
  readonly key: string;
  readonly client: Client;
  send(method: string, path: string, sending?: Sending): Promise<Response>;
}

export const publicUrl = 'https://connect.example.com';

/** A Gateway, the fake Broker behind it, and a browserless client. */
export async function openWorld(environment: Readonly<Record<string, string>> = {}): Promise<World> {
  const broker = await startFakeBroker();
  const gateway = createTestGateway({ BROKER_URL: broker.url, PUBLIC_URL: publicUrl, ...environment });
  return {
    broker,
    gateway,
    key: createToken('nxp'),
    client: { agentId: 'invoice-reader', key: createToken('nxk') },
    send: async (method, path, sending = {}) => {
      const headers = new Headers(sending.headers);
      if (sending.key !== undefined) headers.set('X-API-Key', sending.key);
      if (sending.bearer !== undefined) headers.set('Authorization', `Bearer ${sending.bearer}`);
      if (sending.client !== undefined) headers.set('Authorization', encodeClient(sending.client));
      let body: string | null = null;
      if (sending.json !== undefined) {
        headers.set('Content-Type', 'application/json');
        body = JSON.stringify(sending.json);
      }
      if (sending.form !== undefined) {
        headers.set('Content-Type', 'application/x-www-form-urlencoded');
        body = new URLSearchParams(sending.form).toString();
      }
      const bindings = sending.peer === undefined ? {} : { incoming: { socket: { remoteAddress: sending.peer } } };
      return gateway.app.request(path, { method, headers, body }, bindings);
    },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** As RFC 6749, section 2.3.1 has it: each part form-encoded, then both as HTTP Basic. */
function encodeClient({ agentId, key }: Client): string {
  const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(agentId)}:${encode(key)}`).toString('base64')}`;
}

/** Status and code of a refusal; the body stays readable. */
export async function readRefusal(response: Response): Promise<[number, unknown]> {
  const body: unknown = await response.clone().json();
  return [response.status, typeof body === 'object' && body !== null && 'code' in body ? body.code : null];
}

/** Status and error of a refusal at the standard door; throws when it is not in OAuth's form, to the letter. */
export async function readOAuthRefusal(response: Response): Promise<[number, string]> {
  const { error, error_description: description, ...more } = (await response.clone().json()) as Record<string, unknown>;
  const isDescription = typeof description === 'string' && /^[\x20\x21\x23-\x5B\x5D-\x7E]+$/.test(description);
  if (typeof error !== 'string' || !isDescription || Object.keys(more).length > 0) {
    throw new Error(`this is no error of OAuth: ${await response.clone().text()}`);
  }
  return [response.status, error];
}
