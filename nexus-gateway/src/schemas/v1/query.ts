/** Query parameters of v1. Unknown ones are ignored; a known one that is malformed or repeated is refused. */
import { z } from '@hono/zod-openapi';

function wholeNumber(bounds: { readonly min: number; readonly max: number }, description: string) {
  return z
    .string()
    .regex(/^\d{1,6}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= bounds.min && value <= bounds.max, `must be from ${bounds.min} to ${bounds.max}`)
    .optional()
    .openapi({ type: 'integer', minimum: bounds.min, maximum: bounds.max, description });
}

export const waitSeconds = wholeNumber(
  { min: 0, max: 30 },
  'Seconds to hold the answer while the status is `pending`.',
);

export const minValidity = wholeNumber({ min: 0, max: 3600 }, 'Seconds the returned token should still live.');

export const pageLimit = wholeNumber({ min: 1, max: 500 }, 'Entries per page; without it the list is complete.');

export const pageCursor = z
  .string()
  .max(128)
  .optional()
  .openapi({ description: 'From the `Link` header of the previous page.' });

export const linkHeader = z.object({
  Link: z.string().optional().openapi({ description: 'The next page, `rel="next"`; only when `limit` was given.' }),
});
