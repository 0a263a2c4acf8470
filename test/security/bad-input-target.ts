/** A stack with one of everything, and a way to send it what no client should send. */
import { Pool } from 'undici';
import { type OpenedSession, openSession, registerAgent, type TestAgent } from '../support/agents.js';
import { registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { type Engine, type Stack, startStack } from '../support/stack.js';
import type { BadRequest } from './bad-input-corpus.js';
import { matrixAgent, type Operation, sessionPlaceholder } from './route-matrix.js';

export type Service = 'gateway' | 'broker';

export interface Seen {
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export interface BadInputTarget {
  readonly stack: Stack;
  readonly pools: { readonly [service in Service]: Pool };
  readonly connectionId: string;
  /** With a key, token or client authentication that opens the route. */
  send(service: Service, request: BadRequest): Promise<Seen>;
  /** The operation at resources that exist, where more code is reached; a deletion deletes nothing. */
  atReal(operation: Operation): Operation;
  close(): Promise<void>;
}

export async function startBadInputTarget(engine: Engine): Promise<BadInputTarget> {
  const stack = await startStack({
    engine,
    brokerEnv: { UNKNOWN_ID_LIMIT: '1000000', REFUSED_KEY_LIMIT: '1000000', PENDING_CAP_PER_SOURCE: '1000000' },
  });
  const providerId = (await registerStaticProvider(stack)).id;
  const captured = await requestConnection(stack, { provider_name: 'acme-key' });
  const credentials = { api_key: 'fixture-static-key' };
  await stack.gateway('POST', '/v1/capture-credential', { body: { state: captured.state, credentials } });
  const { connection_id: connectionId } = captured;
  const ticket = (await requestConnection(stack, { provider_name: 'acme-key' })).state;
  const agent = await registerAgent(stack, { agent_id: matrixAgent, allowed_scopes: ['read'] });
  const session = await openSession(stack, agent, { connection_id: connectionId, scopes: ['read'] });
  const pools = {
    gateway: new Pool(stack.gatewayUrl, { connections: 8 }),
    broker: new Pool(stack.brokerUrl, { connections: 8 }),
  };
  return {
    stack,
    pools,
    connectionId,
    async send(service, request) {
      const { statusCode, headers, body } = await pools[service].request({
        method: request.method as 'POST',
        path: request.path,
        headers: { ...authorize(stack, { agent, session }, request.path), ...request.headers },
        body: request.body,
      });
      const contentType = String(headers['content-type'] ?? '');
      return { path: request.path, status: statusCode, contentType, text: await body.text() };
    },
    atReal: (operation) => replace(operation, { providerId, connectionId, ticket, sessionId: session.session_id }),
    async close() {
      await Promise.all([pools.gateway.close(), pools.broker.close()]);
      await stack.close();
    },
  };
}

interface Acting {
  readonly agent: TestAgent;
  readonly session: OpenedSession;
}

function authorize(stack: Stack, { agent, session }: Acting, path: string): Record<string, string> {
  if (path.startsWith('/internal/')) {
    const isForAgents = /^\/internal\/v1\/sessions\/(introspect|revoke)$/.test(path);
    return { 'x-api-key': stack.gatewayKey, 'x-nexus-caller-key': isForAgents ? agent.key : stack.adminKey };
  }
  if (path.startsWith('/v1/oauth/')) {
    return { authorization: `Basic ${Buffer.from(`${matrixAgent}:${agent.key}`).toString('base64')}` };
  }
  const bearer = path.startsWith('/v1/agent-sessions/') ? { authorization: `Bearer ${session.access_token}` } : {};
  return { 'x-api-key': stack.adminKey, ...bearer };
}

interface Real {
  readonly providerId: string;
  readonly connectionId: string;
  readonly ticket: string;
  readonly sessionId: string;
}

function replace(operation: Operation, real: Real): Operation {
  const text = JSON.stringify(operation.body ?? null)
    .replaceAll('nxc_unknown', real.connectionId)
    .replaceAll('nxt_unknown', real.ticket)
    .replaceAll('nobody', 'acme-key');
  const kept = operation.method === 'DELETE';
  const path = operation.path
    .replace('nxt_unknown', real.ticket)
    .replace('nobody', 'acme-key')
    .replace('nxc_unknown', kept ? 'nxc_unknown' : real.connectionId)
    .replace(sessionPlaceholder, kept ? 'sess_unknown' : real.sessionId)
    .replace('/agents/unknown', kept ? '/agents/unknown' : `/agents/${matrixAgent}`)
    .replace('/providers/unknown', kept ? '/providers/unknown' : `/providers/${real.providerId}`);
  return { ...operation, path, ...(operation.body === undefined ? {} : { body: JSON.parse(text) }) };
}

/** What no answer may hold: frames, files, SQL, and the names of what we are made of. */
const internals =
  /\bat [\w.<>]+ \(|node_modules|\.(?:ts|js|mjs):\d|file:\/\/|\/dist\/|SQLITE|ECONN|syntax error|violates|relation "|select .+ from |insert into|update \w+ set|ZodError|kysely|undici|better-sqlite|TypeError|SyntaxError/i;

/** Why an answer breaks the contract; null when it does not. */
export function findFault({ path, status, contentType, text }: Seen): string | null {
  if (status >= 500) return `status ${status}: ${text.slice(0, 300)}`;
  const leak = internals.exec(text);
  if (leak !== null && status >= 400) return `shows an internal: ${leak[0]}`;
  if (status < 400) return null;
  if (contentType.startsWith('text/html')) return text.startsWith('<!doctype html>') ? null : 'a page that is none';
  if (!contentType.startsWith('application/json')) return `content type ${contentType}`;
  const body = JSON.parse(text) as Record<string, unknown>;
  const isOurs =
    typeof body['code'] === 'string' &&
    body['error'] === body['code'] &&
    typeof body['message'] === 'string' &&
    typeof body['request_id'] === 'string';
  const isOauths = Object.keys(body).join() === 'error,error_description';
  return isOurs || (path.startsWith('/v1/oauth/') && isOauths) ? null : text;
}
