import type { IncomingMessage, ServerResponse } from 'node:http';

/** What every request carries from the first middleware on. */
export interface HttpVariables {
  /** The caller's X-Request-Id when it is well formed, else a new ULID. */
  requestId: string;
  /** Epoch milliseconds of the app's clock. */
  startedAt: number;
  /** The caller's address; behind trusted proxies the one they report. Empty when there is no socket. */
  callerIp: string;
}

/** Absent under `app.request()`; a test may pass `{ incoming: { socket: { remoteAddress } } }` as the environment. */
export interface NodeBindings {
  incoming?: IncomingMessage | { readonly socket: { readonly remoteAddress?: string } };
  outgoing?: ServerResponse;
}

/** The least a service's Hono environment holds; a service adds its own variables. */
export interface HttpEnv {
  Bindings: NodeBindings;
  Variables: HttpVariables;
}
