import type { Connection } from './connection.js';

/** Less life than this left makes a reader wait for the refresh. */
const waitMarginMs = 30_000;

export type ReadPlan = 'serve' | 'serve_and_refresh' | 'refresh_first';

type Expiry = Pick<Connection, 'accessExpiresAt' | 'refreshAfter' | 'hasRefreshToken'>;

/** What a read does about the token's remaining life (refresh on read, see docs/architecture.md). */
export function planRead(connection: Expiry, nowMs: number, minValiditySeconds: number): ReadPlan {
  if (connection.accessExpiresAt === null) return 'serve';
  const remainingMs = connection.accessExpiresAt * 1_000 - nowMs;
  if (!connection.hasRefreshToken) return remainingMs > 0 ? 'serve' : 'refresh_first';
  if (remainingMs <= 0 || remainingMs < minValiditySeconds * 1_000) return 'refresh_first';
  // A token that lives for seconds only is fresh until its share of life is over, so a fixed margin alone is wrong.
  if (connection.refreshAfter === null || nowMs < connection.refreshAfter) return 'serve';
  return remainingMs < waitMarginMs ? 'refresh_first' : 'serve_and_refresh';
}

/** A token is never handed out at or past its expiry. */
export function isAlive(connection: Expiry, nowMs: number): boolean {
  return connection.accessExpiresAt === null || connection.accessExpiresAt * 1_000 > nowMs;
}
