/**
 * The contract's one error shape (gateway-v1.md, section 1). Whatever is not a NexusError becomes the fixed
 * `internal_error` body, so a message written for a log cannot reach a client.
 */
import type { ErrorCode, ErrorDetail, PublicReason } from '@nexus/core/errors';
import { NexusError } from '@nexus/core/errors';
import { looksLikeToken } from '@nexus/core/tokens';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';

/** `error` and `code` always hold the same value: existing clients read either. */
export interface ErrorBody {
  readonly error: ErrorCode;
  readonly code: ErrorCode;
  readonly message: string;
  readonly request_id: string;
  readonly status?: string;
  readonly reason?: PublicReason;
  readonly details?: readonly ErrorDetail[];
}

export interface RenderedError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
}

/** Renders any thrown value as status, headers and body. Pure: the caller logs and answers. */
export function renderError(error: unknown, requestId: string): RenderedError {
  const known = toNexusError(error);
  const body: ErrorBody = {
    error: known.code,
    code: known.code,
    message: known.message,
    request_id: requestId,
    ...(known.connectionStatus === null ? {} : { status: known.connectionStatus }),
    ...(known.reason === null ? {} : { reason: known.reason }),
    ...(known.details === null ? {} : { details: known.details }),
  };
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (known.retryAfter !== null) headers['Retry-After'] = String(Math.max(1, Math.ceil(known.retryAfter)));
  return { status: known.status, headers, body };
}

/** Maps any thrown value to the error a client may see; the original stays in `cause`. */
export function toNexusError(error: unknown): NexusError {
  if (error instanceof NexusError) return error;
  if (error instanceof HTTPException) {
    if (error.status === 415) return createMediaTypeError(error);
    if (error.status === 413)
      return new NexusError('payload_too_large', 'The request body is too large.', { cause: error });
    if (error.status < 500) return new NexusError('invalid_request', 'The request is malformed.', { cause: error });
  }
  return new NexusError('internal_error', 'Something went wrong on our side.', { cause: error });
}

export function createMediaTypeError(cause?: unknown): NexusError {
  return new NexusError('unsupported_media_type', 'The content type of the request body is not accepted.', { cause });
}

const maxDetails = 20;

/**
 * Turns the problems a schema found into `invalid_request`. Each detail names one field as the caller wrote it
 * (`scopes[0]`); an unknown field is named itself. Values are never repeated.
 */
export function createValidationError(error: z.ZodError): NexusError {
  const details = error.issues.flatMap(describeIssue).slice(0, maxDetails);
  const [first] = details;
  const subject = first === undefined || first.path === '' ? 'The request' : `\`${first.path}\``;
  const message =
    details.length > 1 ? 'Several fields are not valid.' : `${subject} ${first?.message ?? 'is not valid'}.`;
  return new NexusError('invalid_request', message, { details });
}

type Issue = z.ZodError['issues'][number];

function describeIssue(issue: Issue): ErrorDetail[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: formatPath([...issue.path, key]), message: 'is not a known field' }));
  }
  const path = formatPath(issue.path);
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input: expected')) {
    const isMissing = issue.message.endsWith('received undefined');
    return [{ path, message: isMissing ? 'is required' : `must be ${describeType(issue.expected)}` }];
  }
  if (issue.code === 'invalid_union') return [{ path, message: 'is of none of the accepted forms' }];
  // Messages of our own schemas read as "must ..."; those of the library as "Invalid ..." or "Too ...".
  return [{ path, message: /^[A-Z]/.test(issue.message) ? `is not valid: ${issue.message}` : issue.message }];
}

function describeType(expected: string): string {
  if (expected === 'int') return 'an integer';
  return expected === 'array' || expected === 'object' ? `an ${expected}` : `a ${expected}`;
}

/** Joins path segments as `a.b[0]`; a name that could itself be a secret or is overlong is not repeated. */
function formatPath(segments: readonly PropertyKey[]): string {
  let path = '';
  for (const segment of segments) {
    if (typeof segment === 'number') path += `[${segment}]`;
    else path += (path === '' ? '' : '.') + safeName(String(segment));
  }
  return path;
}

function safeName(name: string): string {
  if (looksLikeToken(name)) return '[redacted]';
  return name.length > 100 ? `${name.slice(0, 100)}…` : name;
}
