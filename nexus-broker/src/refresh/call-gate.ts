/** Whether a provider may be asked now: breakers, rates and stops stand behind this (see `pacing/`). */
import type { Provider } from '../domain/provider.js';
import type { ProviderCallFailure } from '../oauth/provider-error.js';

export interface CallRequest {
  readonly provider: Provider;
  readonly connectionRef: string;
  /** Origin of the token endpoint, as the connection knows it. */
  readonly origin: string;
  /** How long the caller would wait for its turn, in ms; 0 for whoever can come back later. */
  readonly patienceMs: number;
}

export type CallEnd = ProviderCallFailure | null | 'answered' | 'no_call';

export interface Admitted {
  readonly kind: 'admitted';
  /**
   * Told once how the call ended; null for an answer that granted something, `answered` for one that shows no more than
   * that the endpoint works. `no_call` for one that was not made after all: taken for a success, it would close a breaker
   * during an outage. Never rejects.
   */
  settle(end: CallEnd): Promise<void>;
}

export interface Refused {
  readonly kind: 'refused';
  /** `stopped`: the provider refuses our client, and an admin has to mend the profile. */
  readonly reason: 'breaker_open' | 'rate' | 'concurrency' | 'stopped';
  readonly retryAfterSeconds: number;
}

export interface CallGate {
  /** @throws what the database throws. */
  enter(request: CallRequest): Promise<Admitted | Refused>;
}

/** Lets every call through. */
export const openGate: CallGate = {
  enter: async () => ({ kind: 'admitted', settle: async () => undefined }),
};
