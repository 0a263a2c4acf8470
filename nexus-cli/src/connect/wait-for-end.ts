/** Follows a connection until it is no longer pending. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionState } from '@nexus/broker-api/connections';
import type { Api } from '../broker.js';
import { CommandError, exits } from '../command.js';
import type { News } from './news.js';

interface Waiting {
  readonly id: string;
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly news: News;
}

/** The longest the Gateway is asked to hold an answer. */
const holdSeconds = 25;
const pauseMs = 1_000;

/** The state in which it ended, or was when the time was over; null if interrupted. Outlives an outage. @throws CommandError */
export async function waitForEnd(
  gateway: Api,
  { id, seconds, signal, news }: Waiting,
): Promise<ConnectionState | null> {
  const deadline = Date.now() + seconds * 1_000;
  let isOut = false;
  try {
    for (;;) {
      const left = Math.max(0, Math.ceil((deadline - Date.now()) / 1_000));
      news.waiting(`waiting for the person, ${left} s left`);
      const began = Date.now();
      try {
        const query = { wait: Math.min(holdSeconds, left) };
        const state = await gateway.get<ConnectionState>(`/v1/check-connection/${id}`, query);
        if (state.status !== 'pending' || left === 0) return state;
        isOut = false;
      } catch (error) {
        if (signal.aborted) return null;
        const isOutage = error instanceof CommandError && error.exitCode === exits.unreadable;
        if (!isOutage || left === 0) throw error;
        if (!isOut) news.tell(`${error.message}; trying again`);
        isOut = true;
      }
      // An answer that was not held: the Gateway is gone, or has as many waiters as it takes.
      if (Date.now() - began < pauseMs) await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    news.end();
  }
}
