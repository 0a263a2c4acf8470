/** One call under a lease: its intent, and how far it came. */
import { setTimeout as wait } from 'node:timers/promises';
import type { FailedCall } from '../oauth/provider-client.js';
import type { ProviderCallFailure } from '../oauth/provider-error.js';
import type { ReleaseInput } from '../stores/refresh-leases.js';
import type { Admitted, CallEnd } from './call-gate.js';

interface CallAttemptInput {
  readonly intentId: string;
  readonly showsRefreshToken: boolean;
  readonly wasInDoubt: boolean;
  readonly failures: number;
  readonly admitted: Admitted;
  /** Whether enough of the lease is left to begin a call. */
  readonly hasTime: () => boolean;
  readonly timeoutMs: number;
}

/** How long the gate may take over its books before nobody waits for it any longer. */
const gatePatienceMs = 500;

export class CallAttempt {
  readonly intentId: string;
  /** Whether the call may spend the connection's refresh token. */
  readonly showsRefreshToken: boolean;
  /** Whether the provider may have acted on an earlier call of which nobody has an answer. */
  readonly wasInDoubt: boolean;
  /** Failed calls in a row before this one. */
  readonly failures: number;
  readonly #input: CallAttemptInput;
  #isBegun = false;
  #settled: Promise<void> | null = null;

  constructor(input: CallAttemptInput) {
    ({ intentId: this.intentId, wasInDoubt: this.wasInDoubt, failures: this.failures } = input);
    this.showsRefreshToken = input.showsRefreshToken;
    this.#input = input;
  }

  /** What a release says of the intent where no one knows how the call ended, or whether it was made. */
  get intentAfterError(): ReleaseInput['intent'] {
    if (this.#isBegun && this.showsRefreshToken) return 'open';
    return this.wasInDoubt ? 'in_doubt' : 'cleared';
  }

  /**
   * Makes the call, within its deadline; null when too little of the lease is left for it. `isAnswer` says which failures
   * tell the gate nothing of the provider's health or of our client. The answer does not wait for the gate: what the
   * provider issued is nowhere but in this process.
   */
  async make<T extends { readonly kind: string }>(
    call: (signal: AbortSignal) => Promise<T | FailedCall>,
    isAnswer: (failure: ProviderCallFailure) => boolean = () => false,
  ): Promise<T | FailedCall | null> {
    if (!this.#input.hasTime()) return null;
    this.#isBegun = true;
    let told: CallEnd = 'no_call';
    try {
      const answer = await call(AbortSignal.timeout(this.#input.timeoutMs));
      told = isFailed(answer) ? (isAnswer(answer.failure) ? 'answered' : answer.failure) : null;
      return answer;
    } finally {
      this.#settled = this.#input.admitted.settle(told);
    }
  }

  /**
   * Once all is stored: tells the gate of a call that was never made, and gives it time to write down one that was, so
   * that whoever calls next is judged by it.
   */
  async leave(): Promise<void> {
    const settled = this.#isBegun ? this.#settled : this.#input.admitted.settle('no_call');
    await Promise.race([settled, wait(gatePatienceMs, undefined, { ref: false })]);
  }
}

function isFailed(answer: { readonly kind: string }): answer is FailedCall {
  return answer.kind === 'failed';
}
