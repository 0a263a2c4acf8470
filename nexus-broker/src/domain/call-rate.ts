/** Calls that one Broker may have at once: above ten a second, timers are too coarse for one after the other. */
export function largestBatch(callsPerSecond: number): number {
  return Math.max(1, Math.floor(callsPerSecond / 10));
}
