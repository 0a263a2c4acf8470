import { type SqlBool, sql } from 'kysely';

/** Where a call goes, and for whom. */
export interface CallTarget {
  /** Of the token endpoint. */
  readonly origin: string;
  readonly providerId: string;
  /** A stop counts only for the profile it was set for. */
  readonly profileVersion: number;
}

/** Rate and breaker belong to the place that is called, stops to the client that calls. */
export const originPrefix = 'origin:';
export const stopPrefix = 'provider:';

export const isOrigin = (origin: string) => sql<SqlBool>`pace_key = ${originPrefix + origin}`;
export const isStop = (providerId: string) => sql<SqlBool>`pace_key = ${stopPrefix + providerId}`;
