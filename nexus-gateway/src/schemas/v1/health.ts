import { z } from '@hono/zod-openapi';

export const Health = z
  .object({
    status: z.enum(['ok', 'unavailable']),
    version: z.string(),
    broker: z.enum(['ok', 'unavailable']),
  })
  .openapi('Health', { example: { status: 'ok', version: '0.1.0', broker: 'ok' } });

export const Probe = z
  .object({ status: z.enum(['ok', 'unavailable']) })
  .openapi('Probe', { example: { status: 'ok' } });

export type Health = z.infer<typeof Health>;
