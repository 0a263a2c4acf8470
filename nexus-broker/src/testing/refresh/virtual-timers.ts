/** Stands in for `node:timers/promises` where a test holds the time. */
import type { Timeline } from './timeline.js';

let timeline: Timeline | null = null;

export function useTimeline(next: Timeline): void {
  timeline = next;
}

export async function setTimeout<T>(ms: number, value?: T): Promise<T | undefined> {
  if (timeline === null) throw new Error('no timeline is in use');
  await timeline.sleep(ms);
  return value;
}
