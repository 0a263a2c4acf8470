/** Agents with keys of their own, and the sessions they open at a running stack. */
import { createToken } from '@nexus/core/tokens';
import { runSql } from './sql.js';
import type { Answer, Stack } from './stack.js';

export interface TestAgent {
  readonly agentId: string;
  readonly key: string;
  readonly keyId: string;
}

let agents = 0;

/** An agent that may ask for `allowed_scopes`, everywhere unless said otherwise, with one key. */
export async function registerAgent(
  stack: Stack,
  body: Readonly<Record<string, unknown>> & { readonly allowed_scopes: readonly string[] },
): Promise<TestAgent> {
  agents += 1;
  const agentId = `agent-${agents}`;
  const created = await stack.broker('POST', '/admin/v1/agents', { body: { agent_id: agentId, ...body } });
  if (created.status !== 201) throw new Error(`no agent: ${JSON.stringify(created.body)}`);
  return { agentId: created.body.agent_id, ...(await createAgentKey(stack, created.body.agent_id)) };
}

export async function createAgentKey(
  stack: Stack,
  agentId: string,
  body: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly key: string; readonly keyId: string }> {
  const created = await stack.broker('POST', `/admin/v1/agents/${agentId}/keys`, { body });
  if (created.status !== 201) throw new Error(`no key: ${JSON.stringify(created.body)}`);
  return { key: created.body.key, keyId: created.body.id };
}

export interface OpenedSession {
  readonly session_id: string;
  readonly access_token: string;
  readonly scopes_granted: readonly string[];
  readonly expires_at: string;
}

export function requestSession(stack: Stack, key: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
  return stack.gateway('POST', '/v1/agent-sessions', { key, body });
}

/** Opens a session with the agent's own key. */
export async function openSession(
  stack: Stack,
  agent: TestAgent,
  body: Readonly<Record<string, unknown>>,
): Promise<OpenedSession> {
  const opened = await requestSession(stack, agent.key, { agent_id: agent.agentId, ...body });
  if (opened.status !== 201) throw new Error(`no session: ${JSON.stringify(opened.body)}`);
  return opened.body as OpenedSession;
}

/** Reads the credential through a session. */
export function readThrough(
  stack: Pick<Stack, 'gateway'>,
  session: Pick<OpenedSession, 'session_id' | 'access_token'>,
): Promise<Answer> {
  return stack.gateway('GET', `/v1/agent-sessions/${session.session_id}/token`, {
    headers: { Authorization: `Bearer ${session.access_token}` },
  });
}

/** Lets the time of a session have run out a second ago; returns when that was. */
export async function expireSession(stack: Stack, { session_id }: Pick<OpenedSession, 'session_id'>): Promise<string> {
  const past = toPast();
  await runSql(stack, 'update agent_session set expires_at = ? where session_id = ?', [past, session_id]);
  return past;
}

/** Lets the time of a key have run out a second ago. */
export async function expireKey(stack: Stack, { keyId }: Pick<TestAgent, 'keyId'>): Promise<void> {
  await runSql(stack, 'update api_key set expires_at = ? where key_id = ?', [toPast(), keyId]);
}

function toPast(): string {
  return new Date(Date.now() - 1_000).toISOString();
}

/** `200`, or the status with the error's code. */
export function summarise({ status, body }: Answer): string {
  return typeof body === 'object' && body !== null && 'code' in body ? `${status} ${body.code}` : String(status);
}

/** A session token of the right form that nobody was given. */
export function forgeSessionToken(): string {
  return createToken('nxs');
}
