import type { SendJson } from './json-client.js';
import { isJsonObject, readText } from './json-object.js';
import type { BrokerAccess } from './register-provider.js';
import { pause } from './waiting.js';

export interface Activation {
  readonly eventId: string;
  readonly connectionRef: string;
  readonly providerName: string | null;
  readonly isReconnect: boolean;
}

const eventTypes = ['connection.activated', 'connection.reconnected'] as const;
const pageSize = 20;

function readActivation(event: unknown): Activation | null {
  const eventId = readText(event, 'id');
  const connectionRef = readText(event, 'connection_ref');
  if (eventId === null || connectionRef === null) return null;
  return {
    eventId,
    connectionRef,
    providerName: readText(event, 'provider_name'),
    isReconnect: readText(event, 'event_type') === 'connection.reconnected',
  };
}

/** Sees connections become active, whoever started them, by reading the audit log. */
export class ActivationWatch {
  readonly #deps: { readonly send: SendJson; readonly access: BrokerAccess };
  #seen: ReadonlySet<string> = new Set();

  constructor(deps: { readonly send: SendJson; readonly access: BrokerAccess }) {
    this.#deps = deps;
  }

  /** Returns what became active since the call before, oldest first; the first call only learns what is old. */
  async readNew(signal: AbortSignal): Promise<readonly Activation[]> {
    const query = new URLSearchParams([
      ...eventTypes.map((type): [string, string] => ['event_type', type]),
      ['order', 'desc'],
      ['limit', String(pageSize)],
    ]);
    const { send, access } = this.#deps;
    const answer = await send({ url: `${access.url}/audit?${query}`, apiKey: access.adminKey, signal });
    const events = answer.status === 200 && isJsonObject(answer.body) ? answer.body['events'] : null;
    if (!Array.isArray(events)) return [];
    const activations = events.map(readActivation).filter((activation) => activation !== null);
    const fresh = activations.filter(({ eventId }) => !this.#seen.has(eventId));
    this.#seen = new Set(activations.map(({ eventId }) => eventId));
    return fresh.reverse();
  }

  /** Tells of every new activation until the signal is aborted. A Broker that does not answer is asked again later. */
  async follow(
    input: { readonly intervalMs: number; readonly signal: AbortSignal },
    tell: (activations: readonly Activation[]) => void,
  ): Promise<void> {
    while (!input.signal.aborted) {
      await pause(input.intervalMs, input.signal);
      const fresh = await this.readNew(input.signal).catch(() => []);
      if (fresh.length > 0) tell(fresh);
    }
  }
}
