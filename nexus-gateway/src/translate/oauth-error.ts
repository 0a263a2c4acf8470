/** Our errors in the words of OAuth (RFC 6749, section 5.2; RFC 8693, section 2.2.2; RFC 8707, section 2). */
import type { ErrorCode } from '@nexus/core/errors';
import { NexusError } from '@nexus/core/errors';
import type { OAuthErrorBody } from '../schemas/v1/oauth.js';

type OAuthErrorCode = OAuthErrorBody['error'];

/** A refusal whose OAuth code is known where it is thrown; its status is 400. */
export class OAuthError extends NexusError {
  readonly oauthCode: OAuthErrorCode;

  constructor(oauthCode: OAuthErrorCode, description: string, options: { readonly cause?: unknown } = {}) {
    super('invalid_request', description, options);
    this.oauthCode = oauthCode;
  }
}

/** What is in no other row is a fault of ours. */
const oauthCodes: { readonly [Code in ErrorCode]?: OAuthErrorCode } = {
  invalid_request: 'invalid_request',
  unsupported_media_type: 'invalid_request',
  payload_too_large: 'invalid_request',
  not_found: 'invalid_request',
  method_not_allowed: 'invalid_request',
  invalid_user_context_token: 'invalid_request',
  missing_api_key: 'invalid_client',
  invalid_api_key: 'invalid_client',
  forbidden: 'invalid_client',
  agent_not_found: 'invalid_client',
  agent_inactive: 'unauthorized_client',
  scope_not_allowed: 'invalid_scope',
  scope_not_granted: 'invalid_scope',
  user_not_authorized_for_scope: 'invalid_scope',
  provider_not_allowed: 'invalid_target',
  provider_not_found: 'invalid_target',
  connection_ambiguous: 'invalid_target',
  connection_not_found: 'invalid_target',
  connection_not_active: 'invalid_target',
  attention_required: 'invalid_target',
  connection_revoked: 'invalid_target',
  rate_limited: 'temporarily_unavailable',
  provider_unavailable: 'temporarily_unavailable',
  user_verification_unavailable: 'temporarily_unavailable',
  audit_unavailable: 'temporarily_unavailable',
  broker_unavailable: 'temporarily_unavailable',
};

interface DescribedError {
  readonly status: number;
  readonly body: OAuthErrorBody;
}

export function describeOAuthError(error: NexusError): DescribedError {
  const code = error instanceof OAuthError ? error.oauthCode : (oauthCodes[error.code] ?? 'server_error');
  return { status: statusOf(code, error), body: { error: code, error_description: describe(error) } };
}

function statusOf(code: OAuthErrorCode, { code: cause, status }: NexusError): number {
  if (code === 'invalid_client') return 401;
  if (code === 'server_error') return 500;
  if (code === 'temporarily_unavailable') return cause === 'rate_limited' ? status : 503;
  return cause === 'not_found' || cause === 'method_not_allowed' ? status : 400;
}

/** In the characters that a description may have (RFC 6749, section 5.2). */
function describe({ message }: NexusError): string {
  return message
    .replaceAll('…', '...')
    .replaceAll(/["’]/g, "'")
    .replaceAll(/[^\x20-\x5B\x5D-\x7E]/g, '?');
}
