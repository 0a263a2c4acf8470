/** Wire schemas of the issuers of user tokens under `/admin/v1/issuers`. */
import { z } from '@hono/zod-openapi';

const claim = z.string().min(1).max(128);

export const IssuerInput = z
  .strictObject({
    issuer: z.string().min(1).max(512),
    jwks_uri: z.string().min(1).max(2048).nullable().optional().openapi({ description: 'Without it: discovery.' }),
    audience: z.string().min(1).max(512),
    algorithms: z
      .array(
        z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'], {
          error: 'must be an asymmetric signature algorithm',
        }),
      )
      .min(1)
      .max(10)
      .optional(),
    scope_claim: claim
      .nullable()
      .optional()
      .openapi({ description: 'Without it: `scope` as a string, else `permissions` as an array.' }),
    tenant_claim: claim.optional(),
    clearance_claim: claim.optional(),
    workspace_from: z.enum(['sub', 'tenant']).optional(),
    workspace_prefix: z.string().max(128).optional(),
    max_lifetime_seconds: z.number().int().min(1).max(86_400).optional(),
  })
  .openapi('IssuerInput');

export const Issuer = z
  .object({
    id: z.string(),
    issuer: z.string(),
    jwks_uri: z.string().nullable(),
    audience: z.string(),
    algorithms: z.array(z.string()),
    scope_claim: z.string().nullable(),
    tenant_claim: z.string(),
    clearance_claim: z.string(),
    workspace_from: z.enum(['sub', 'tenant']),
    workspace_prefix: z.string(),
    max_lifetime_seconds: z.number().int(),
    created_at: z.string(),
  })
  .openapi('Issuer');

export const IssuerList = z.object({ issuers: z.array(Issuer) }).openapi('IssuerList');

export const IssuerDeleted = z
  .object({ id: z.string(), deleted: z.literal(true), sessions_closed: z.number().int() })
  .openapi('IssuerDeleted');
export type Issuer = z.infer<typeof Issuer>;
export type IssuerDeleted = z.infer<typeof IssuerDeleted>;
