import type { ProviderCallFailure } from '../oauth/provider-error.js';
import type { CallGate } from '../refresh/call-gate.js';
import type { Metrics } from './metrics.js';

/** Counts what passes a gate, and what does not. */
export function measureGate(gate: CallGate, { calls, refusals, seconds }: Metrics): CallGate {
  return {
    async enter(request) {
      const provider = request.provider.profile.name;
      const entered = await gate.enter(request);
      if (entered.kind === 'refused') {
        refusals.inc({ provider, reason: entered.reason });
        return entered;
      }
      const stop = seconds.startTimer({ provider });
      return {
        kind: 'admitted',
        settle(failure) {
          if (failure !== 'no_call') {
            stop();
            calls.inc({ provider, outcome: describeOutcome(failure) });
          }
          return entered.settle(failure);
        },
      };
    },
  };
}

function describeOutcome(failure: ProviderCallFailure | 'answered' | null): string {
  if (failure === null) return 'granted';
  return failure === 'answered' ? failure : failure.class;
}
