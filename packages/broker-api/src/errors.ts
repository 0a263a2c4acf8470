import { z } from '@hono/zod-openapi';
import { errorCodes } from '@nexus/core/errors';

const codes = Object.keys(errorCodes) as [string, ...string[]];

/** The one error shape; `error` and `code` hold the same value. */
export const ErrorBody = z
  .object({
    error: z.enum(codes),
    code: z.enum(codes),
    message: z.string(),
    request_id: z.string(),
    status: z.string().optional(),
    reason: z.object({ code: z.string(), message: z.string() }).optional(),
    details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .openapi('Error');
export type ErrorBody = z.infer<typeof ErrorBody>;
