/** What session tests begin with: a scripted provider, and for each test an agent and a connection of its own. */
import { registerAgent, type TestAgent } from './agents.js';
import { createKey, type Requested } from './fixtures.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from './scripted-oauth.js';
import { type Answer, type Engine, type Stack, startStack } from './stack.js';

export interface SessionWorld {
  readonly stack: Stack;
  /** Grants `read` and `write` to whoever connects. */
  readonly provider: ScriptedOauth;
  readonly operatorKey: string;
  /** An agent that may ask for `read`, `write` and `admin`, and a connection that was granted `read` and `write`. */
  enter(): Promise<{ readonly agent: TestAgent; readonly connection: Requested }>;
  statusOf(session: { readonly session_id: string }, key?: string): Promise<Answer>;
  closeSession(session: { readonly session_id: string }, key?: string): Promise<Answer>;
  close(): Promise<void>;
}

export async function startSessionWorld(
  engine: Engine,
  brokerEnv: Readonly<Record<string, string>> = {},
): Promise<SessionWorld> {
  const stack = await startStack({ engine, brokerEnv });
  const provider = await registerScriptedOauth(stack, { profile: { scopes: ['read', 'write'] } });
  const operatorKey = (await createKey(stack, 'operator')).key;
  let entered = 0;
  return {
    stack,
    provider,
    operatorKey,
    async enter() {
      entered += 1;
      return {
        agent: await registerAgent(stack, { allowed_scopes: ['read', 'write', 'admin'] }),
        connection: await connectScripted(stack, provider, `login${entered}`),
      };
    },
    statusOf: ({ session_id }, key = operatorKey) => stack.gateway('GET', `/v1/agent-sessions/${session_id}`, { key }),
    closeSession: ({ session_id }, key = operatorKey) =>
      stack.gateway('DELETE', `/v1/agent-sessions/${session_id}`, { key }),
    async close() {
      await stack.close();
      await provider.close();
    },
  };
}
