import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when the work does, or after `ms`; what it goes on to do is its own affair. */
export async function limitWait(work: Promise<unknown>, ms: number): Promise<void> {
  const enough = new AbortController();
  const timer = sleep(ms, undefined, { signal: enough.signal }).catch(() => undefined);
  try {
    await Promise.race([work, timer]);
  } finally {
    enough.abort();
    work.catch(() => undefined);
  }
}
