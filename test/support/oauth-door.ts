/** The standard door as any OAuth client sees it: by openid-client, and by bare forms for what no library would send. */
import * as openid from 'openid-client';
import type { TestAgent } from './agents.js';
import type { Answer, Stack } from './stack.js';

export type OauthClient = Pick<TestAgent, 'agentId' | 'key'>;

export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
export const jwtType = 'urn:ietf:params:oauth:token-type:jwt';
export const connectionType = 'urn:nexus:params:token-type:connection';

/** The library finds everything but the address of the Gateway by itself. */
export function discoverDoor(stack: Pick<Stack, 'gatewayUrl'>, client: OauthClient): Promise<openid.Configuration> {
  return openid.discovery(
    new URL(stack.gatewayUrl),
    client.agentId,
    client.key,
    openid.ClientSecretBasic(client.key),
    // It speaks plain http only where it is told to.
    { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] },
  );
}

/** RFC 6749, section 2.3.1: both are form-encoded first. */
export function authenticate({ agentId, key }: OauthClient): Readonly<Record<string, string>> {
  const pair = [agentId, key].map((text) => encodeURIComponent(text)).join(':');
  return { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** One form to a path of the Gateway, with these headers. */
export async function postForm(
  stack: Pick<Stack, 'gatewayUrl'>,
  path: string,
  form: Readonly<Record<string, string>> | string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const response = await fetch(stack.gatewayUrl + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

/** `200`, or the status with OAuth's error; throws when the refusal has any other form than OAuth's own. */
export function summariseOauth({ status, headers, body }: Answer): string {
  if (status === 200) return '200';
  const isOwnForm = Object.keys(body).sort().join() === 'error,error_description';
  // RFC 6749, section 5.2: printable ASCII without quotes and backslashes.
  const isReadable = isOwnForm && /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/.test(body.error_description);
  if (!isReadable) throw new Error(`not a refusal of OAuth: ${status} ${JSON.stringify(body)}`);
  const hasHeaders =
    headers.get('content-type') === 'application/json' &&
    headers.get('cache-control') === 'no-store' &&
    headers.has('www-authenticate') === (status === 401);
  if (!hasHeaders) throw new Error(`not the headers of OAuth: ${JSON.stringify([...headers])}`);
  return `${status} ${body.error}`;
}
