import { z } from '@hono/zod-openapi';

/** RFC 6749, section 3.3. */
export const scopeToken = z
  .string()
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,255}$/, 'is not a scope token (RFC 6749, section 3.3)');
