/** The person an agent acts for, as their token proved it (RFC 8693, section 1.1: the subject of a delegation). */
export interface VerifiedUser {
  /** The registered issuer, or the address of the verification endpoint. */
  readonly issuer: string;
  /** The registration by whose rules the token was judged; null at the verification endpoint. */
  readonly issuerId: string | null;
  readonly subject: string;
  readonly tenantId: string | null;
  readonly clearanceLevel: number;
  /** Scopes the user may delegate. */
  readonly permissions: readonly string[];
  /** The only workspace whose connections this user reaches. */
  readonly workspaceId: string;
  /** When the user's token ends, in Unix seconds: no session outlives it. */
  readonly expiresAt: number;
  /** What a second use of the same token is known by; null where the verification endpoint decides about reuse. */
  readonly replayKey: string | null;
}

/** A check that a user's token did not pass; named in the audit log. */
export type UserTokenFault =
  | 'malformed'
  | 'not_a_user_token'
  | 'unknown_issuer'
  | 'algorithm_not_allowed'
  | 'wrong_type'
  | 'unknown_key'
  | 'bad_signature'
  | 'wrong_audience'
  | 'expired'
  | 'not_yet_valid'
  | 'lifetime_too_long'
  | 'missing_subject'
  | 'bad_claim'
  | 'may_act_mismatch'
  | 'sender_constrained'
  | 'foreign_workspace'
  | 'replayed'
  | 'refused_by_endpoint';
