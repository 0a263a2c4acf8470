import { createToken } from '@nexus/core/tokens';
import type { FakeBroker } from './fake-broker.js';
import { startFakeBroker } from './fake-broker.js';
import type { TestGateway } from './test-gateway.js';
import { createTestGateway } from './test-gateway.js';

interface Sending {
  readonly key?: string;
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
    send: async (method, path, sending = {}) => {
      const headers = new Headers(sending.headers);
      if (sending.key !== undefined) headers.set('X-API-Key', sending.key);
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

/** Status and code of a refusal; the body stays readable. */
export async function readRefusal(response: Response): Promise<[number, unknown]> {
  const body: unknown = await response.clone().json();
  return [response.status, typeof body === 'object' && body !== null && 'code' in body ? body.code : null];
}
