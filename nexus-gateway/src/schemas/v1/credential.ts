/** The credential payload of v1, section 4: what every caller gets regardless of the kind of credential. */
import { z } from '@hono/zod-openapi';

const openObject = z.record(z.string(), z.unknown()).openapi({ type: 'object', additionalProperties: true });

const Strategy = z
  .object({
    type: z.string().openapi({
      description: '`oauth2`, `header`, `headers`, `query_param`, `path`, `basic_auth`, `hmac_payload` or `aws_sigv4`.',
    }),
    config: openObject.optional(),
  })
  .openapi('Strategy', {
    description: 'How to apply the credentials to a request. Static strategies always carry `config`.',
  });

const payload = {
  strategy: Strategy,
  credentials: openObject,
  scope: z.string().openapi({ description: 'The true scope of what is returned; empty where there is none.' }),
  expires_at: z
    .number()
    .int()
    .nullable()
    .openapi({ description: 'Unix seconds; null where the credential does not expire.' }),
  provider: z.string(),
  provider_name: z.string(),
  connection_ref: z.string(),
  api_base_url: z.string().nullable(),
};

const example = {
  strategy: { type: 'oauth2' },
  credentials: { access_token: 'fixture-access-token', token_type: 'Bearer', expires_at: 1715000000 },
  scope: 'openid email profile',
  expires_at: 1715000000,
  provider: 'acme',
  provider_name: 'acme',
  connection_ref: '01JA5M3N7Q0V8X2Y4Z6B8D0F2H',
  api_base_url: 'https://api.acme.example',
};

export const CredentialPayload = z.object(payload).openapi('CredentialPayload', { example });

export const RefreshedPayload = z
  .object({
    ...payload,
    refreshed: z.boolean().openapi({ description: 'False when the freshest token is younger than 30 seconds.' }),
  })
  .openapi('RefreshedPayload', { example: { ...example, refreshed: true } });

export const SessionCredential = z
  .object({
    ...payload,
    narrowed: z.boolean().openapi({
      description: 'Whether the provider minted this token for the session, because its own reaches further.',
    }),
  })
  .openapi('SessionCredential', { example: { ...example, scope: 'openid', narrowed: true } });

export type CredentialPayload = z.infer<typeof CredentialPayload>;
export type RefreshedPayload = z.infer<typeof RefreshedPayload>;
export type SessionCredential = z.infer<typeof SessionCredential>;
