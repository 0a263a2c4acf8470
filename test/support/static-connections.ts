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
  for (let n = 0; n < count; n++) connections.push(await connect(stack, {}, `key-number-${n}`));
  return connections;
}

/** Puts another credential in the place of the one a connection holds. */
export async function reconnectStatically(stack: Stack, { connection_id }: Requested): Promise<void> {
  await connect(stack, { connection_id }, 'another-key');
}

async function connect(stack: Stack, body: Readonly<Record<string, unknown>>, apiKey: string): Promise<Requested> {
  const requested = await requestConnection(stack, { provider_name: provider, ...body });
  const captured = await stack.gateway('POST', '/v1/capture-credential', {
    body: { state: requested.state, credentials: { api_key: apiKey } },
  });
  if (captured.status !== 200) throw new Error(`not captured: ${JSON.stringify(captured.body)}`);
  return requested;
}
