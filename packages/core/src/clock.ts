/** Where time comes from. A Broker's follows the database's clock; lease and flow times are read from the database itself. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** RFC 3339 in UTC with exactly three fraction digits, so that text order is time order. */
export type Instant = string;

export function toInstant(epochMs: number): Instant {
  return new Date(epochMs).toISOString();
}

export function toEpochMs(instant: Instant): number {
  return Date.parse(instant);
}

/** Unix seconds, rounded down. */
export function toUnixSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}
