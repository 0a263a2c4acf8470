import { describe, expect, it } from 'vitest';
import type { AttemptState } from '../stores/refresh-leases.js';
import { callTimeoutMs, leaseSeconds, minLeaseLeftMs, paceOf } from './attempt-pace.js';

const inDoubt: AttemptState = {
  status: 'active',
  version: 1,
  isHeld: false,
  leaseEpoch: 1,
  intentId: 'intent',
  isDoubtRecorded: true,
  intentAgeMs: 0,
  callAgeMs: 0,
  tokenLifeMs: 300_000,
  waitSeconds: 0,
  wasToldToWait: false,
  failures: 0,
};

describe('the pace of attempts', () => {
  it('R12: no call can outlive its lease', () => {
    expect(callTimeoutMs).toBeLessThan(minLeaseLeftMs);
    expect(minLeaseLeftMs).toBeLessThan(leaseSeconds * 1_000);
  });

  it('R13: a strict provider is asked again only within its grace, whatever a clock that is set back says', () => {
    const kinds = [-3_600_000, -1, 0, 29_999, 30_000, 60_000].map((intentAgeMs) =>
      [0, 30].map(
        (graceSeconds) => paceOf({ ...inDoubt, intentAgeMs }, { rotation: 'strict', graceSeconds }, true)?.kind,
      ),
    );
    const spared = 'spared';
    expect(kinds).toEqual([
      [spared, undefined],
      [spared, undefined],
      [spared, undefined],
      [spared, undefined],
      [spared, spared],
      [spared, spared],
    ]);
  });
});
