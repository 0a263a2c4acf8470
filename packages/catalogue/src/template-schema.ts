/** The form of a template file, and of the profile fields that a manifest may set. */
import { z } from 'zod';
import { profileShape } from './profile-schema.js';

const categories = [
  'ai',
  'commerce',
  'communication',
  'crm',
  'data',
  'developer',
  'documents',
  'email-and-calendar',
  'finance',
  'health',
  'hr',
  'identity',
  'infrastructure',
  'marketing',
  'project-management',
  'social',
  'storage',
  'support',
] as const;

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens');
const displayName = z.string().min(1).max(80);
const httpsUrl = z.url({ protocol: /^https$/ });
const secret = z.string().min(1);

/**
 * The fields of a registered profile that a file may set (section 6 of the contract), all optional. Whether they go
 * together, and how long a text may be, is for the Broker to say.
 */
export const profileSchema = z
  .strictObject({
    ...profileShape,
    name,
    display_name: displayName,
    logo_url: z.string(),
    client_id: z.string().min(1),
    client_secret: z.union([secret, z.array(secret).min(1).max(5)]),
    allowed_origins: z.array(z.string()).max(10),
  })
  .partial();

const values = z.record(z.string(), z.string());
const json = z.json();

/** What a provider answers; a `body` that is text is sent as it stands, every other as JSON. */
const answer = z.strictObject({ status: z.int().min(100).max(599), body: json });

/** Answers of the provider as it is known to behave, for tests that need no network; not shipped. */
const testsSchema = z
  .strictObject({
    inputs: values,
    callback: values,
    token: answer,
    upgraded: answer,
    refresh: answer,
    error: answer.extend({ class: z.enum(['final', 'transient', 'configuration', 'throttled']) }),
    missing_expiry: answer,
    userinfo: json,
    introspection: json,
    expect: z
      .strictObject({
        subject: z.string(),
        label: z.string(),
        scope: z.string(),
        lifetime: z.int().nullable(),
        values,
        api_base_url: httpsUrl,
      })
      .partial(),
    credentials: values,
    accepted: answer,
    refused: answer,
    request: z.strictObject({
      method: z.enum(['GET', 'POST', 'HEAD']).optional(),
      url: httpsUrl,
      headers: values.optional(),
      body: z.string().optional(),
      signed: z.boolean().optional(),
    }),
  })
  .partial();

export type TemplateTests = z.infer<typeof testsSchema>;

export const templateSchema = z.strictObject({
  ...profileShape,
  name,
  display_name: displayName,
  category: z.enum(categories),
  docs_url: httpsUrl,
  aliases: z.array(name).max(20).optional(),
  sources: z.array(httpsUrl).min(1),
  verified_on: z.union([z.iso.date(), z.literal('unverified')]),
  notes: z.array(z.string().min(1).max(300)).max(10).optional(),
  tests: testsSchema,
});

export type TemplateSource = z.infer<typeof templateSchema>;

/** JSON Schema (2020-12) of a template file, for editors. */
export function describeTemplateFiles(): object {
  return z.toJSONSchema(templateSchema, { io: 'input' });
}
