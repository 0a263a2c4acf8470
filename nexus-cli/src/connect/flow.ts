/** One attempt to connect: how it is asked for, and how it is completed where that falls to this program. */
import { createHash, randomBytes } from 'node:crypto';
import type { ConnectionRequested } from '@nexus/broker-api/connections';
import { type Api, Refusal } from '../broker.js';
import { CommandError } from '../command.js';
import { plain } from '../views/screen.js';
import type { News } from './news.js';
import { listenForReturn } from './return-listener.js';

export interface Flow extends AsyncDisposable {
  readonly requested: ConnectionRequested;
  /** Whether the browser comes back to this program, and the connection is lost without it. */
  readonly endsHere: boolean;
}

export interface Ending {
  /** Null: this program is where the browser goes. */
  readonly returnUrl: string | null;
  readonly news: News;
}

type Wanted = Readonly<Record<string, unknown>>;

/** @throws CommandError */
export async function startFlow(gateway: Api, wanted: Wanted, { returnUrl, news }: Ending): Promise<Flow> {
  if (returnUrl === null) return startBoundFlow(gateway, wanted, news);
  const requested = await request(gateway, { ...wanted, return_url: returnUrl });
  return { requested, endsHere: false, async [Symbol.asyncDispose]() {} };
}

/** Whatever the browser does, no credential becomes usable before the verifier is shown, which stays in this process. */
async function startBoundFlow(gateway: Api, wanted: Wanted, news: News): Promise<Flow> {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  let requested: ConnectionRequested | null = null;
  const listener = await listenForReturn(async (query) => {
    if (query.get('connection_ref') !== requested?.connection_ref) return null;
    const handle = query.get('handle');
    if (handle === null) return 'Your account was not connected. The terminal tells why.';
    news.tell('the browser came back; completing the connection');
    try {
      await gateway.post('/v1/complete-connection', { handle, code_verifier: verifier });
    } catch (error) {
      const { message } = error as Error;
      // What belongs to this flow may still come.
      news.tell(`that did not complete it: ${message}; waiting further`);
      return `Your account was not connected: ${plain(message)}`;
    }
    return 'Your account is connected. You can close this window.';
  });
  try {
    requested = await request(gateway, { ...wanted, return_url: listener.url, completion_challenge: challenge });
  } catch (error) {
    await listener[Symbol.asyncDispose]();
    throw error;
  }
  return { requested, endsHere: true, [Symbol.asyncDispose]: listener[Symbol.asyncDispose] };
}

const advice: Readonly<Record<string, string>> = {
  return_url_not_allowed:
    'Pass --return-url with an address under a registered return origin: nexus-cli return-origins list. Only a Gateway ' +
    'in development lets the browser come back to this program.',
  completion_required:
    'That return origin belongs to an application which completes its flows itself: start the connection there, or use ' +
    'an origin of kind confirm.',
  provider_not_found: 'nexus-cli providers list shows what is registered.',
};

async function request(gateway: Api, body: Wanted): Promise<ConnectionRequested> {
  try {
    return await gateway.post<ConnectionRequested>('/v1/request-connection', body);
  } catch (error) {
    const known = error instanceof Refusal ? advice[error.code ?? ''] : undefined;
    if (!(error instanceof Refusal) || known === undefined) throw error;
    throw new CommandError(error.exitCode, error.message, { cause: error, advice: [known] });
  }
}
