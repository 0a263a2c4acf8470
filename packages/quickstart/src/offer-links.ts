import { requestConnection, waitForOutcome } from './connection-link.js';
import type { SendJson } from './json-client.js';
import type { Layout } from './layout.js';
import { describeConnected, describeLink, describeReplacedLink } from './messages.js';
import type { Terminal } from './terminal.js';
import { pause } from './waiting.js';

const retryMs = 5_000;

/**
 * Keeps a usable link on the screen until the demo account is connected; `own` learns the refs of the connections the
 * links belong to. Ends early only with the signal's reason.
 */
export async function offerLinks(
  deps: { readonly send: SendJson; readonly terminal: Terminal; readonly own: Set<string> },
  input: { readonly layout: Layout; readonly signal: AbortSignal },
): Promise<void> {
  const { send, terminal } = deps;
  const { layout, signal } = input;
  const access = { send, gatewayUrl: layout.gatewayUrl };
  let failure: string | null = null;
  let hasComplained = false;
  while (layout.demo !== null) {
    const link = await requestConnection(access, { returnUrl: layout.demo.returnUrl, signal });
    if (link.kind === 'refused') {
      if (!hasComplained) terminal.print(`\nNo link for the demo account yet, trying again: ${link.message}`);
      hasComplained = true;
      await pause(retryMs, signal);
      continue;
    }
    deps.own.add(link.connectionRef);
    const { authUrl } = link;
    terminal.print(failure === null ? describeLink(terminal, authUrl) : describeReplacedLink(failure, authUrl));
    const outcome = await waitForOutcome(access, { connectionId: link.connectionId, signal });
    if (outcome.status === 'active') {
      terminal.print(describeConnected(terminal, layout, link.connectionId));
      return;
    }
    failure = outcome.reason;
  }
}
