import type { Instant } from '@nexus/core/clock';

export const userTokenAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type UserTokenAlgorithm = (typeof userTokenAlgorithms)[number];

export const defaultUserTokenAlgorithms: readonly UserTokenAlgorithm[] = ['RS256', 'ES256', 'EdDSA'];

/** An identity provider whose tokens prove for whom an agent acts. */
export interface UserIssuer {
  readonly issuerId: string;
  /** Compared with `iss` character by character. */
  readonly issuer: string;
  /** Null: found by discovery. */
  readonly jwksUri: string | null;
  readonly audience: string;
  readonly algorithms: readonly UserTokenAlgorithm[];
  /** Null: `scope` as a space-separated string, else `permissions` as an array. */
  readonly scopeClaim: string | null;
  readonly tenantClaim: string;
  readonly clearanceClaim: string;
  readonly workspaceFrom: 'sub' | 'tenant';
  /** Stands before the claim in a workspace id; unique, so that issuers cannot speak for each other's users. */
  readonly workspacePrefix: string;
  readonly maxLifetimeSeconds: number;
  readonly createdAt: Instant;
}
