import { z } from '@hono/zod-openapi';
import { looksLikeToken } from '@nexus/core/tokens';

/** RFC 6749, section 3.3. Scopes are recorded and shown, and nothing shaped like a bearer value may be. */
export const scopeToken = z
  .string()
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,255}$/, 'is not a scope token (RFC 6749, section 3.3)')
  .refine((scope) => !looksLikeToken(scope) && !scope.startsWith('eyJ'), 'looks like a token, not like a scope');
