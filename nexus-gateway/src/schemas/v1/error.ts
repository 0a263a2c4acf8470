import { z } from '@hono/zod-openapi';
import { errorCodes } from '@nexus/core/errors';

/** Codes of the Broker's own administration, which the Gateway does not reach. */
const brokerOnly: ReadonlySet<string> = new Set([
  'invalid_since',
  'key_not_found',
  'return_origin_not_found',
  'return_origin_exists',
  'agent_exists',
  'issuer_not_found',
  'issuer_exists',
  'issuer_unsafe',
]);

const codes = Object.keys(errorCodes).filter((code) => !brokerOnly.has(code)) as [string, ...string[]];

export const Reason = z
  .object({ code: z.string(), message: z.string() })
  .openapi('Reason', { description: 'Why a connection is in `attention` or `failed`; the codes are a closed list.' });

const ErrorCode = z.enum(codes).openapi('ErrorCode');

/** The one error shape of v1; `error` and `code` hold the same value, because existing clients read either. */
const ErrorBody = z
  .object({
    error: ErrorCode,
    code: ErrorCode,
    message: z.string(),
    request_id: z.string(),
    status: z.string().optional().openapi({ description: "The connection's status, where it explains the error." }),
    reason: Reason.optional(),
    details: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: 'Each field that is wrong; only with `invalid_request`.' }),
  })
  .openapi('Error', {
    example: {
      error: 'connection_not_found',
      code: 'connection_not_found',
      message: 'No connection has this id.',
      request_id: '01JA5M3N7Q0V8X2Y4Z6B8D0F2H',
    },
  });

const errorContent = { 'application/json': { schema: ErrorBody } };

const descriptions = {
  400: 'The request is wrong; `details` names the fields.',
  401: 'The API key, session token or user token that is needed here is missing, or is not or no longer valid.',
  403: 'The caller is known, and may not do this.',
  404: 'There is no such thing, or not for this caller.',
  409: 'The present state of the resource does not allow this.',
  410: 'It existed and is over.',
  413: 'The body is larger than 64 KiB.',
  415: 'The body has another content type.',
  422: 'The provider profile is not safe to use.',
  429: 'Too many requests; `Retry-After` says when to return.',
  502: 'The provider cannot be reached; `Retry-After` says when to return.',
  503: 'The Broker, its audit log or the verification of users is not available; `Retry-After` says when to return.',
} as const;

type ErrorStatus = keyof typeof descriptions;
type ErrorResponses<S extends ErrorStatus> = {
  readonly [Status in S]: { readonly description: string; readonly content: typeof errorContent };
};

/** The entries of a route contract for the refusals it can answer. */
export function errorResponses<const S extends ErrorStatus>(...statuses: readonly S[]): ErrorResponses<S> {
  const entries = statuses.map((status) => [status, { description: descriptions[status], content: errorContent }]);
  return Object.fromEntries(entries) as ErrorResponses<S>;
}
