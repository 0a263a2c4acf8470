/**
 * The one error class and the one closed list of codes. The message of a NexusError may be shown to anyone;
 * whatever helps an operator goes into `cause`, which never leaves the process except as a log line.
 */

interface ErrorCodeEntry {
  readonly status: number;
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** What the reader should do, one sentence; the reference page is generated from it. */
  readonly advice: string;
  /** A second status the contract gives the same code on another route. */
  readonly alsoStatus?: number;
}

export const errorCodes = {
  invalid_request: { status: 400, retryable: false, advice: 'Correct the fields named in `details`.' },
  reserved_parameter: {
    status: 400,
    retryable: false,
    advice: 'Remove the protocol parameter from `params`; Nexus sets it itself.',
  },
  return_url_not_allowed: {
    status: 400,
    retryable: false,
    advice: 'Use a return URL under a registered return origin, without the query names Nexus appends.',
  },
  completion_required: {
    status: 400,
    retryable: false,
    advice: 'Send a `completion_challenge`: this return origin is registered as `bound`.',
  },
  completion_refused: {
    status: 400,
    retryable: false,
    advice: 'Start a new flow and complete it with the verifier that belongs to its challenge.',
  },
  missing_params: { status: 400, retryable: false, advice: 'Send `state`, `provider_name` or `provider_id`.' },
  not_a_static_provider: {
    status: 400,
    retryable: false,
    advice: 'This provider uses OAuth: send the person to `auth_url` instead.',
  },
  credentials_rejected: {
    status: 400,
    retryable: false,
    advice: 'The provider refused these credentials: check them and submit again.',
  },
  static_token: {
    status: 400,
    retryable: false,
    advice: 'A static credential cannot be refreshed; capture a new one.',
  },
  no_refresh_token: {
    status: 400,
    retryable: false,
    advice: 'The provider issued no refresh token; reconnect the account when the access token ends.',
  },
  invalid_since: { status: 400, retryable: false, advice: 'Send `since` and `until` as RFC 3339 instants.' },
  invalid_cursor: { status: 400, retryable: false, advice: 'Use the `next_cursor` of the previous page unchanged.' },
  missing_api_key: { status: 401, retryable: false, advice: 'Send a key in the `X-API-Key` header.' },
  invalid_api_key: {
    status: 401,
    retryable: false,
    advice: 'Use a key that exists and is neither revoked nor expired.',
  },
  invalid_session_token: {
    status: 401,
    retryable: false,
    advice: 'Send the session token of this very session as `Authorization: Bearer`, or open a new session.',
  },
  invalid_user_context_token: {
    status: 401,
    retryable: false,
    advice: 'Send a fresh token of the user, issued by a registered issuer for this audience, and unused.',
  },
  forbidden: { status: 403, retryable: false, advice: 'Use a key whose role may do this.' },
  agent_inactive: { status: 403, retryable: false, advice: 'Ask an operator to activate the agent.' },
  provider_not_allowed: {
    status: 403,
    retryable: false,
    advice: 'Ask an operator to add the provider to the `allowed_providers` of the agent.',
  },
  scope_not_allowed: {
    status: 403,
    retryable: false,
    advice: 'Ask for fewer scopes, or have an operator add them to the `allowed_scopes` of the agent.',
  },
  scope_not_granted: {
    status: 403,
    retryable: false,
    advice: 'Ask for fewer scopes, or reconnect the account with the scopes you need.',
  },
  user_not_authorized_for_scope: {
    status: 403,
    retryable: false,
    advice: 'Ask only for scopes that the token of the user carries.',
  },
  cannot_narrow_token: {
    status: 403,
    retryable: false,
    advice:
      'Connect the account with exactly these scopes, or have an operator set `downscope` or `allow_wider_token`.',
  },
  agent_not_found: { status: 404, retryable: false, advice: 'Check the agent id against the list.' },
  session_not_found: { status: 404, retryable: false, advice: 'Check the session id.' },
  webhook_not_found: { status: 404, retryable: false, advice: 'Check the webhook id against the list.' },
  delivery_not_found: {
    status: 404,
    retryable: false,
    advice: 'Check the delivery id against the list of this webhook; finished deliveries are kept for 30 days.',
  },
  issuer_not_found: { status: 404, retryable: false, advice: 'Check the issuer id against the list.' },
  connection_not_found: { status: 404, retryable: false, advice: 'Check the connection id.' },
  provider_not_found: { status: 404, retryable: false, advice: 'Check the provider name or id against the list.' },
  kek_not_found: {
    status: 404,
    retryable: false,
    advice: 'Check the id of the key-encryption key against the key ring.',
  },
  data_key_not_found: { status: 404, retryable: false, advice: 'Check the id of the data key against the key ring.' },
  key_not_found: { status: 404, retryable: false, advice: 'Check the key id against the list.' },
  return_origin_not_found: { status: 404, retryable: false, advice: 'Check the return origin id against the list.' },
  not_found: { status: 404, retryable: false, advice: 'Check the path against the API reference.' },
  method_not_allowed: { status: 405, retryable: false, advice: 'Check the method against the API reference.' },
  connection_not_active: {
    status: 409,
    retryable: false,
    advice: 'Finish the connection first, or reconnect it when it failed.',
  },
  attention_required: {
    status: 409,
    retryable: false,
    advice: 'Reconnect: the stored credential no longer works for the reason in `reason`.',
  },
  connection_ambiguous: {
    status: 409,
    retryable: false,
    advice: 'Several connections match: choose one with `connection_ref`.',
  },
  connection_revoked: {
    status: 410,
    alsoStatus: 409,
    retryable: false,
    advice: 'The connection was deleted; request a new one.',
  },
  provider_exists: { status: 409, retryable: false, advice: 'Choose another name or change the existing provider.' },
  provider_changed: {
    status: 409,
    retryable: false,
    advice: 'Read the provider again: somebody changed it since `expected_version`.',
  },
  provider_in_use: {
    status: 409,
    retryable: false,
    advice: 'Delete its connections first, or repeat the call with `?force=true`.',
  },
  agent_exists: { status: 409, retryable: false, advice: 'Choose another agent id or change the existing agent.' },
  issuer_exists: {
    status: 409,
    retryable: false,
    advice: 'Delete the existing issuer first, or choose another `workspace_prefix`.',
  },
  return_origin_exists: { status: 409, retryable: false, advice: 'Delete the existing return origin first.' },
  kek_exists: { status: 409, retryable: false, advice: 'This key-encryption key is known already; promote it.' },
  key_state_conflict: {
    status: 409,
    retryable: false,
    advice: 'Look at the state of the key in the key ring; the message says which state the step needs.',
  },
  key_in_use: {
    status: 409,
    retryable: false,
    advice: 'Wait until nothing is sealed, wrapped or signed under the key any more; the message says what is.',
  },
  replicas_behind: {
    status: 409,
    retryable: true,
    advice: 'Give every replica the key, wait some seconds, and repeat the step; the message names the replicas.',
  },
  range_not_prunable: {
    status: 409,
    retryable: false,
    advice: 'Choose a range that starts where the log starts and ends at or before its last checkpoint.',
  },
  archive_mismatch: {
    status: 409,
    retryable: false,
    advice: 'The archive is not what the log holds in this range: export the range again and keep that file.',
  },
  flow_already_used: { status: 409, retryable: false, advice: 'Request a new connection link.' },
  flow_expired: { status: 410, retryable: false, advice: 'Request a new connection link.' },
  capture_refused: {
    status: 410,
    retryable: false,
    advice: 'Too many refused entries: request a new connection link.',
  },
  payload_too_large: { status: 413, retryable: false, advice: 'Send at most 64 KiB.' },
  unsupported_media_type: { status: 415, retryable: false, advice: 'Send `Content-Type: application/json`.' },
  provider_unsafe: {
    status: 422,
    retryable: false,
    advice: 'Use public https endpoints, and list every origin they span in `allowed_origins`.',
  },
  issuer_unsafe: {
    status: 422,
    retryable: false,
    advice: 'Use a public https address for the issuer and its key set, or have it named in `EGRESS_ALLOW`.',
  },
  webhook_unsafe: {
    status: 422,
    retryable: false,
    advice: 'Use a public https address for the receiver, or have it named in `EGRESS_ALLOW`.',
  },
  kek_unusable: {
    status: 422,
    retryable: false,
    advice: 'Give the key provider of this Broker the key under this very id, then repeat the step.',
  },
  rate_limited: { status: 429, retryable: true, advice: 'Wait for the seconds in `Retry-After`.' },
  internal_error: { status: 500, retryable: false, advice: 'Report the request id to the operator.' },
  provider_unavailable: { status: 502, retryable: true, advice: 'Try again after the seconds in `Retry-After`.' },
  audit_unavailable: { status: 503, retryable: true, advice: 'The audit log cannot be written; try again later.' },
  key_provider_unavailable: {
    status: 503,
    retryable: true,
    advice: 'The key provider gave an error or no answer; nothing was changed, try again.',
  },
  user_verification_unavailable: {
    status: 503,
    retryable: true,
    advice: 'The keys of the issuer or the verification endpoint cannot be reached; try again.',
  },
  broker_unavailable: {
    status: 503,
    retryable: true,
    advice: 'The Broker cannot be reached or is not ready; try again.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof errorCodes;

/** One problem of one input field; `path` is dotted with array indexes, such as `scopes[0]`. */
export interface ErrorDetail {
  readonly path: string;
  readonly message: string;
}

/** Why a connection is in `attention` or `failed`, as callers see it. */
export interface PublicReason {
  readonly code: string;
  readonly message: string;
}

interface NexusErrorOptions {
  readonly cause?: unknown;
  readonly details?: readonly ErrorDetail[];
  /** A connection's status, where it explains the error. */
  readonly connectionStatus?: string;
  readonly reason?: PublicReason;
  /** Seconds until a retry is worthwhile. */
  readonly retryAfter?: number;
  /** The second status of the code's entry, on the routes whose contract says so. */
  readonly status?: number;
}

/** A failure with a public message. Every error that reaches a client is one of these or becomes `internal_error`. */
export class NexusError extends Error {
  override readonly name = 'NexusError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: readonly ErrorDetail[] | null;
  readonly connectionStatus: string | null;
  readonly reason: PublicReason | null;
  readonly retryAfter: number | null;

  constructor(code: ErrorCode, message: string, options: NexusErrorOptions = {}) {
    super(message, { cause: options.cause });
    const entry: ErrorCodeEntry = errorCodes[code];
    this.code = code;
    this.status = options.status === entry.alsoStatus && options.status !== undefined ? options.status : entry.status;
    this.details = options.details ?? null;
    this.connectionStatus = options.connectionStatus ?? null;
    this.reason = options.reason ?? null;
    this.retryAfter = options.retryAfter ?? (entry.retryable ? defaultRetryAfterSeconds : null);
  }
}

const defaultRetryAfterSeconds = 5;
