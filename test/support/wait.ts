import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is not null; the end of the time is an error that says what was waited for. */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | null> | T | null,
  timeoutMs = 25_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(50);
  }
}
