import { StartError } from './failure.js';
import type { SendJson } from './json-client.js';
import { pause } from './waiting.js';

const pollMs = 100;

/**
 * Resolves when `GET {url}/readyz` answers 200.
 *
 * @throws StartError when that does not happen in time; the signal's reason when it is aborted.
 */
export async function waitUntilReady(
  deps: { readonly send: SendJson; readonly now: () => number },
  input: { readonly label: string; readonly url: string; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const deadline = deps.now() + input.timeoutMs;
  while (deps.now() < deadline) {
    input.signal.throwIfAborted();
    const isReady = await deps
      .send({ url: `${input.url}/readyz`, timeoutMs: 2_000, signal: input.signal })
      .then((answer) => answer.status === 200)
      .catch(() => false);
    if (isReady) return;
    await pause(pollMs, input.signal);
  }
  throw new StartError(`${input.label} did not become ready within ${Math.round(input.timeoutMs / 1000)} seconds.`);
}
