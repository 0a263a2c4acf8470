import { type Requested, registerStaticProvider, requestConnection } from './fixtures.js';
import type { Stack } from './stack.js';

const provider = 'statically';

/** A provider whose connections are made without a browser. */
export async function registerForConnections(stack: Stack): Promise<void> {
  await registerStaticProvider(stack, { name: provider });
}

/** Active connections of that provider; each holds a sealed credential. */
export async function connectStatically(stack: Stack, count: number): Promise<readonly Requested[]> {
  const connections: Requested[] = [];
  for (let n = 0; n < count; n++) {
    const requested = await requestConnection(stack, { provider_name: provider });
    const body = { state: requested.state, credentials: { api_key: `key-number-${n}` } };
    const captured = await stack.gateway('POST', '/v1/capture-credential', { body });
    if (captured.status !== 200) throw new Error(`not captured: ${JSON.stringify(captured.body)}`);
    connections.push(requested);
  }
  return connections;
}
