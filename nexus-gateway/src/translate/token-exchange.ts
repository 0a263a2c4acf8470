/** Token exchange (RFC 8693, section 2) as the opening of a session. */
import type * as Broker from '@nexus/broker-api/sessions';
import { NexusError } from '@nexus/core/errors';
import type { ExchangedToken } from '../schemas/v1/oauth.js';
import { OAuthError } from './oauth-error.js';
import { type OAuthForm, requireParameter } from './oauth-form.js';

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
const jwtType = 'urn:ietf:params:oauth:token-type:jwt';
const connectionType = 'urn:nexus:params:token-type:connection';

/** The call that opens the session, by what the subject token is. */
export type Exchange =
  | { readonly subject: 'user'; readonly body: Broker.OboSessionRequest }
  | { readonly subject: 'connection'; readonly body: Broker.SessionRequest };

/** @throws OAuthError naming the parameter that is missing or cannot be used. */
export function toExchange(form: OAuthForm, agentId: string): Exchange {
  const grant = requireParameter(form, 'grant_type');
  if (grant !== grantType) throw new OAuthError('unsupported_grant_type', `The only grant type is ${grantType}.`);
  const subjectToken = requireParameter(form, 'subject_token');
  const subjectTokenType = requireParameter(form, 'subject_token_type');
  // The authenticated client is the actor; a second one would claim an identity that nobody proved.
  refuseParameters(form, ['actor_token', 'actor_token_type'], 'is not accepted: the client itself is the actor');
  const requestedType = form.get('requested_token_type') ?? accessTokenType;
  if (requestedType !== accessTokenType) {
    throw new OAuthError('invalid_request', `The only \`requested_token_type\` is ${accessTokenType}.`);
  }
  if (form.has('resource')) throw new OAuthError('invalid_target', 'Name the provider in `audience`, not `resource`.');
  const request = { agent_id: agentId, scopes: readScopes(form) };
  switch (subjectTokenType) {
    case jwtType:
      return {
        subject: 'user',
        body: { ...request, ...selectForUser(form), user_context_token: limit(subjectToken, 16_384, 'subject_token') },
      };
    case connectionType:
      refuseParameters(form, ['audience', 'connection_id', 'connection_ref'], 'must not accompany a connection');
      return { subject: 'connection', body: { ...request, connection_id: limit(subjectToken, 128, 'subject_token') } };
    default:
      throw new OAuthError('invalid_request', `The \`subject_token_type\` must be ${jwtType} or ${connectionType}.`);
  }
}

type UserSelector = Pick<Broker.OboSessionRequest, 'connection_id' | 'provider_name' | 'connection_ref'>;

function selectForUser(form: OAuthForm): UserSelector {
  const audience = form.get('audience');
  const connectionId = form.get('connection_id');
  const connectionRef = form.get('connection_ref');
  if (connectionId !== undefined) {
    refuseParameters(form, ['audience', 'connection_ref'], 'must not accompany `connection_id`');
    return { connection_id: limit(connectionId, 128, 'connection_id') };
  }
  // No provider has such a name.
  if (audience === undefined || audience.length > 63) {
    throw new OAuthError('invalid_target', 'Name the provider in `audience`.');
  }
  const provider = { provider_name: audience };
  return connectionRef === undefined
    ? provider
    : { ...provider, connection_ref: limit(connectionRef, 64, 'connection_ref') };
}

function refuseParameters(form: OAuthForm, names: readonly string[], problem: string): void {
  const sent = names.find((name) => form.has(name));
  if (sent !== undefined) throw new OAuthError('invalid_request', `\`${sent}\` ${problem}.`);
}

function limit(value: string, maxLength: number, name: string): string {
  if (value.length > maxLength) throw new OAuthError('invalid_request', `\`${name}\` is too long.`);
  return value;
}

/** RFC 6749, section 3.3. */
const scopeList = /^[\x21\x23-\x5B\x5D-\x7E]{1,255}( [\x21\x23-\x5B\x5D-\x7E]{1,255}){0,99}$/;

function readScopes(form: OAuthForm): string[] {
  const scope = form.get('scope');
  if (scope === undefined) throw new OAuthError('invalid_scope', '`scope` is required: there is no default.');
  if (!scopeList.test(scope)) {
    throw new OAuthError('invalid_scope', '`scope` must be 1 to 100 scope tokens, separated by one space each.');
  }
  return scope.split(' ');
}

export function toExchangedToken(answer: Broker.SessionOpened, epochMs: number): ExchangedToken {
  const seconds = Math.floor((Date.parse(answer.expires_at) - epochMs) / 1000);
  return {
    access_token: answer.access_token,
    issued_token_type: accessTokenType,
    token_type: 'Bearer',
    expires_in: Math.max(1, seconds),
    scope: answer.scopes_granted.join(' '),
    session_id: answer.session_id,
  };
}

const unusableConnection: ReadonlySet<string> = new Set([
  'connection_not_found',
  'connection_not_active',
  'attention_required',
  'connection_revoked',
]);

/** Where the connection is the subject token, it is that token which cannot be used (RFC 8693, section 2.2.2). */
export function toExchangeError(error: unknown, subject: Exchange['subject']): unknown {
  const isSubject = subject === 'connection' && error instanceof NexusError && unusableConnection.has(error.code);
  return isSubject ? new OAuthError('invalid_request', error.message, { cause: error }) : error;
}
