/** What tests of user tokens begin with: a provider that grants `read` and `write`, and an agent that may ask for both. */
import { registerAgent, type TestAgent } from './agents.js';
import { createKey, type Requested } from './fixtures.js';
import { connectAs, registerScriptedOauth, type ScriptedOauth } from './scripted-oauth.js';
import { type Answer, type Engine, type Stack, startStack } from './stack.js';

export interface UserTokenWorld {
  readonly stack: Stack;
  readonly provider: ScriptedOauth;
  readonly agent: TestAgent;
  /** Of an application. */
  readonly appKey: string;
  readonly scopes: readonly string[];
  /** An active connection of the workspace, which the application started. */
  connect(workspaceId: string): Promise<Requested>;
  /** Asks for a session of the agent on behalf of a user, with both scopes unless `body` says otherwise. */
  ask(connection: Requested, userToken: string, body?: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** The audit entry of a session that was refused with this answer. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers as the wire gives them
  findRefusal(answer: Answer): Promise<any>;
  close(): Promise<void>;
}

export async function startUserTokenWorld(
  engine: Engine,
  brokerEnv: Readonly<Record<string, string>> = {},
): Promise<UserTokenWorld> {
  const scopes = ['read', 'write'];
  const stack = await startStack({ engine, brokerEnv });
  const provider = await registerScriptedOauth(stack, { profile: { scopes } });
  const agent = await registerAgent(stack, { allowed_scopes: [...scopes, 'admin'] });
  const { key: appKey } = await createKey(stack, 'app');
  return {
    stack,
    provider,
    agent,
    appKey,
    scopes,
    async connect(workspace_id) {
      const body = { workspace_id, provider_name: provider.name, return_url: 'http://127.0.0.1:1/return' };
      const requested: Requested = (await stack.gateway('POST', '/v1/request-connection', { key: appKey, body })).body;
      await connectAs(stack, requested, 'login');
      return requested;
    },
    ask: ({ connection_id }, user_context_token, body = {}) =>
      stack.gateway('POST', '/v1/agent-sessions/obo', {
        key: agent.key,
        body: { agent_id: agent.agentId, connection_id, scopes, user_context_token, ...body },
      }),
    async findRefusal(answer) {
      const query = `agent_id=${agent.agentId}&event_type=session.refused&limit=500`;
      const { body } = await stack.broker('GET', `/audit?${query}`);
      const requestId = answer.headers.get('x-request-id');
      return body.events.find((event: { request_id: string }) => event.request_id === requestId);
    },
    async close() {
      await stack.close();
      await provider.close();
    },
  };
}
