import type { SendJson } from './json-client.js';
import { isJsonObject, readText } from './json-object.js';
import { pause } from './waiting.js';

export interface ConnectionLink {
  readonly kind: 'link';
  readonly connectionId: string;
  readonly connectionRef: string;
  readonly authUrl: string;
}

export interface RefusedLink {
  readonly kind: 'refused';
  readonly message: string;
}

export type LinkOutcome = { readonly status: 'active' } | { readonly status: 'failed'; readonly reason: string };

interface GatewayAccess {
  readonly send: SendJson;
  readonly gatewayUrl: string;
}

const waitSeconds = 30;
const pollMs = 1_000;

export function describeConnectionRequest(returnUrl: string, providerName: string): { [name: string]: string } {
  return { workspace_id: 'demo-user', provider_name: providerName, return_url: returnUrl };
}

/** Asks the Gateway for a connection of the demo account. Rejects only with the signal's reason. */
export async function requestConnection(
  deps: GatewayAccess,
  input: { readonly returnUrl: string; readonly signal: AbortSignal },
): Promise<ConnectionLink | RefusedLink> {
  const answer = await deps
    .send({
      method: 'POST',
      url: `${deps.gatewayUrl}/v1/request-connection`,
      body: describeConnectionRequest(input.returnUrl, 'demo'),
      signal: input.signal,
    })
    .catch(() => null);
  input.signal.throwIfAborted();
  if (answer === null) return { kind: 'refused', message: 'the Gateway does not answer.' };
  const connectionId = readText(answer.body, 'connection_id');
  const connectionRef = readText(answer.body, 'connection_ref');
  const authUrl = readText(answer.body, 'auth_url');
  if (answer.status !== 200 || connectionId === null || connectionRef === null || authUrl === null) {
    return { kind: 'refused', message: readText(answer.body, 'message') ?? `the Gateway answered ${answer.status}.` };
  }
  return { kind: 'link', connectionId, connectionRef, authUrl };
}

/** Waits until the connection is no longer pending. An answer that cannot be had is asked for again. */
export async function waitForOutcome(
  deps: GatewayAccess,
  input: { readonly connectionId: string; readonly signal: AbortSignal },
): Promise<LinkOutcome> {
  const url = `${deps.gatewayUrl}/v1/check-connection/${input.connectionId}?wait=${waitSeconds}`;
  while (true) {
    input.signal.throwIfAborted();
    const answer = await deps
      .send({ url, timeoutMs: (waitSeconds + 10) * 1000, signal: input.signal })
      .catch(() => null);
    const body = answer?.status === 200 && isJsonObject(answer.body) ? answer.body : {};
    const status = readText(body, 'status');
    if (status === 'active') return { status };
    if (status === 'failed' || status === 'revoked') {
      return { status: 'failed', reason: readText(body['reason'], 'code') ?? status };
    }
    await pause(pollMs, input.signal);
  }
}
