/** One call under a lease: its intent, and how far it came. */
import type { FailedCall } from '../oauth/provider-client.js';
import type { ProviderCallFailure } from '../oauth/provider-error.js';
import type { ReleaseInput } from '../stores/refresh-leases.js';
import type { Admitted } from './call-gate.js';

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
   * tell the gate nothing of the provider's health or of our client.
   */
  async make<T extends { readonly kind: string }>(
    call: (signal: AbortSignal) => Promise<T | FailedCall>,
    isAnswer: (failure: ProviderCallFailure) => boolean = () => false,
  ): Promise<T | FailedCall | null> {
    if (!this.#input.hasTime()) return null;
    this.#isBegun = true;
    let told: ProviderCallFailure | null | 'no_call' = 'no_call';
    try {
      const answer = await call(AbortSignal.timeout(this.#input.timeoutMs));
      told = isFailed(answer) && !isAnswer(answer.failure) ? answer.failure : null;
      return answer;
    } finally {
      await this.#input.admitted.settle(told);
    }
  }

  /** Tells the gate of a call that was never made. */
  async leave(): Promise<void> {
    if (!this.#isBegun) await this.#input.admitted.settle('no_call');
  }
}

function isFailed(answer: { readonly kind: string }): answer is FailedCall {
  return answer.kind === 'failed';
}
