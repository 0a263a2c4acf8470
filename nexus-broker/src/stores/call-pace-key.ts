import { type SqlBool, sql } from 'kysely';

/** Where a call goes, and for whom. */
export interface CallTarget {
  /** Of the token endpoint. */
  readonly origin: string;
  readonly providerId: string;
  /** A stop counts only for the profile it was set for. */
  readonly profileVersion: number;
  /** Whose grant it is: what a provider says to one only need not be true of the others. */
  readonly connectionRef: string;
}

/** Breakers belong to the place that is called, stops to the client that calls, rates to both. */
export const originPrefix = 'origin:';
export const stopPrefix = 'provider:';
export const ratePrefix = 'rate:';

type Lane = Pick<CallTarget, 'origin' | 'providerId'>;

export const isOrigin = (origin: string) => sql<SqlBool>`pace_key = ${originPrefix + origin}`;
export const isStop = (providerId: string) => sql<SqlBool>`pace_key = ${stopPrefix + providerId}`;
export const isRate = (lane: Lane) => sql<SqlBool>`pace_key = ${toRateKey(lane)}`;
export const isRateOf = (origin: string) => hasPrefix(`${ratePrefix}${origin} `);

export function toRateKey({ origin, providerId }: Lane): string {
  return `${ratePrefix}${origin} ${providerId}`;
}

export function readRateProvider(key: string): string {
  return key.slice(key.lastIndexOf(' ') + 1);
}

function hasPrefix(prefix: string) {
  return sql<SqlBool>`substr(pace_key, 1, ${sql.lit(prefix.length)}) = ${prefix}`;
}

/** How a row names the connection a provider complained about. */
export function toSuspect({ profileVersion, connectionRef }: CallTarget): string {
  return suspectPrefix(profileVersion) + connectionRef;
}

export function suspectPrefix(profileVersion: number): string {
  return `${profileVersion} `;
}
