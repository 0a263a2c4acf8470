/** Wire schemas of the flow routes under `/internal/v1/flows`: what the Gateway's pages and callback ask for. */
import { z } from '@hono/zod-openapi';

export const FlowTicket = z.strictObject({ ticket: z.string().min(1).max(128) }).openapi('FlowTicket');

/** What the page a person sees may show of a flow. */
export const FlowView = z
  .object({
    kind: z.enum(['oauth', 'static']),
    app_name: z.string(),
    provider_name: z.string(),
    provider_display_name: z.string(),
    /** Host of the tenant that the flow's inputs name; null where they name none. */
    provider_host: z.string().nullable(),
    account_label: z.string().nullable(),
    scopes: z.array(z.string()),
    completion: z.enum(['bound', 'confirm']),
    expires_at: z.string(),
    return_origin: z.string(),
    /** JSON Schema of the credential; null for OAuth. */
    schema: z.record(z.string(), z.unknown()).nullable(),
    docs_url: z.string().nullable(),
  })
  .openapi('FlowView');

/** Name suffix and value of each flow cookie the browser sent. */
export const FlowCookies = z.record(z.string().max(32), z.string().max(256)).openapi('FlowCookies');

export const FlowContinuation = z
  .strictObject({ ticket: z.string().min(1).max(128), cookies: FlowCookies })
  .openapi('FlowContinuation');

export const FlowContinued = z
  .object({
    /** The provider's authorization URL. */
    redirect_to: z.string(),
    cookie: z.object({ suffix: z.string(), value: z.string(), max_age_seconds: z.number().int() }),
  })
  .openapi('FlowContinued');

export const AuthorizationResponse = z
  .strictObject({
    provider_name: z.string().min(1).max(255),
    /** Query parameters of the callback in order, repetitions included. */
    parameters: z.array(z.tuple([z.string().max(128), z.string().max(8192)])).max(50),
    cookies: FlowCookies,
  })
  .openapi('AuthorizationResponse');

export const FlowRedirect = z.object({ redirect_to: z.string() }).openapi('FlowRedirect');

export const CaptureSchemaQuery = z
  .strictObject({
    state: z.string().max(2048).optional(),
    provider_name: z.string().max(2048).optional(),
    provider_id: z.string().max(2048).optional(),
  })
  .openapi('CaptureSchemaQuery');

export const CaptureSchema = z
  .object({ provider_name: z.string(), provider_id: z.string(), schema: z.record(z.string(), z.unknown()) })
  .openapi('CaptureSchema');

export const Capture = z
  .strictObject({ state: z.string().min(1).max(128), credentials: z.record(z.string(), z.unknown()) })
  .openapi('Capture');

export const Captured = z
  .object({ connection_ref: z.string(), status: z.enum(['success', 'pending']), redirect_url: z.string() })
  .openapi('Captured');

export type FlowView = z.infer<typeof FlowView>;
export type FlowContinuation = z.infer<typeof FlowContinuation>;
export type FlowContinued = z.infer<typeof FlowContinued>;
export type AuthorizationResponse = z.infer<typeof AuthorizationResponse>;
export type FlowRedirect = z.infer<typeof FlowRedirect>;
export type CaptureSchemaQuery = z.infer<typeof CaptureSchemaQuery>;
export type CaptureSchema = z.infer<typeof CaptureSchema>;
export type Capture = z.infer<typeof Capture>;
export type Captured = z.infer<typeof Captured>;
