import { NexusError } from '@nexus/core/errors';
import type { UserTokenFault } from './verified-user.js';

/** A user's token was refused; the fault goes to the audit log, its sentence to the caller. */
export class UserTokenError extends NexusError {
  readonly fault: UserTokenFault;

  constructor(fault: UserTokenFault, cause?: unknown) {
    super('invalid_user_context_token', faultMessages[fault], { cause });
    this.fault = fault;
  }
}

const faultMessages: Record<UserTokenFault, string> = {
  malformed: 'The user context token cannot be read.',
  not_a_user_token: 'A session token or key of Nexus is never a user context token.',
  unknown_issuer: 'The user context token names no registered issuer.',
  algorithm_not_allowed: 'The user context token is signed with an algorithm this issuer may not use.',
  wrong_type: 'The user context token is of another type than an access or ID token.',
  unknown_key: 'The issuer publishes no key that the user context token could be signed with.',
  bad_signature: 'The signature of the user context token does not verify.',
  wrong_audience: 'The user context token is meant for another audience.',
  expired: 'The user context token has expired.',
  not_yet_valid: 'The user context token is not valid yet.',
  lifetime_too_long: 'The user context token lives longer than this issuer may grant.',
  missing_subject: 'The user context token names no subject.',
  bad_claim: 'A claim of the user context token has a form that cannot be used.',
  may_act_mismatch: 'The user context token lets another party act, not this agent.',
  sender_constrained: 'The user context token is bound to a key that only its holder can prove.',
  foreign_workspace: 'The user context token leads to a workspace of another issuer.',
  replayed: 'The user context token was used before.',
  refused_by_endpoint: 'The verification endpoint does not accept the user context token.',
};
