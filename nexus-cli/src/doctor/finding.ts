/** What a check found, in words for whoever mends it. */
export interface Finding {
  /** Such as `Broker` or `clock`; the same word in every run. */
  readonly check: string;
  /** `skipped`: it could not be looked at because of another finding. */
  readonly state: 'ok' | 'warn' | 'fail' | 'skipped';
  readonly found: string;
  /** How to mend it; null where there is nothing to mend. */
  readonly mend: string | null;
}

export function ok(check: string, found: string): Finding {
  return { check, state: 'ok', found, mend: null };
}

export function warn(check: string, found: string, mend: string): Finding {
  return { check, state: 'warn', found, mend };
}

export function fail(check: string, found: string, mend: string): Finding {
  return { check, state: 'fail', found, mend };
}

export function skipped(check: string, because: string): Finding {
  return { check, state: 'skipped', found: because, mend: null };
}
