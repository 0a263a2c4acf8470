/** What a manifest may say. Only the Broker judges whether it makes sense; of a provider it even says what it means. */
import { profileSchema } from '@nexus/catalogue/template-schema';
import { toInstant } from '@nexus/core/clock';
import { z } from 'zod';

const unique = (values: readonly string[]) => [...new Set(values)];

const sink = z
  .strictObject({
    file: z.string().min(1).optional().describe('A file that does not exist yet, relative to the manifest; mode 0600.'),
    command: z
      .tuple([z.string().min(1)], z.string())
      .optional()
      .describe('A program and its arguments; the secret is its input.'),
  })
  .refine(({ file, command }) => (file === undefined) !== (command === undefined), {
    error: 'needs either file or command',
  })
  .describe('Where a new secret goes. It is shown nowhere else, and never again.');

/** Times are compared as the Broker writes them. */
const expiry = z.iso
  .datetime({ offset: true })
  .nullable()
  .default(null)
  .overwrite((text) => (text === null || Number.isNaN(Date.parse(text)) ? text : toInstant(Date.parse(text))));

const keyName = z.string().min(1).max(128);
const revoked = z.literal(true).optional().describe('Takes the key away; --prune takes no key away.');

const agentKey = z
  .strictObject({ name: keyName, expires_at: expiry, write_to: sink.optional(), revoked })
  .refine(hasSink, { error: 'needs write_to, or revoked: true' });

const key = z
  .strictObject({
    name: keyName,
    role: z.enum(['admin', 'operator', 'auditor', 'gateway', 'app']).optional(),
    expires_at: expiry,
    write_to: sink.optional(),
    revoked,
  })
  .refine((value) => hasSink(value) && (value.role !== undefined || value.revoked === true), {
    error: 'needs role and write_to, or revoked: true',
  });

function hasSink(value: { readonly write_to?: unknown; readonly revoked?: true | undefined }): boolean {
  return value.write_to !== undefined || value.revoked === true;
}

/** Null gives a field its default, which is how an override takes something of a template away. */
function optional(shape: Readonly<Record<string, z.ZodOptional<z.ZodType>>>): Record<string, z.ZodType> {
  return Object.fromEntries(Object.entries(shape).map(([name, type]) => [name, type.unwrap().nullable().optional()]));
}

const provider = z
  .strictObject({
    ...optional(profileSchema.shape as unknown as Record<string, z.ZodOptional<z.ZodType>>),
    name: profileSchema.shape.name.describe("What connections ask for; without it, the template's name."),
    template: z.string().min(1).optional().describe('A name of the catalogue: nexus-cli catalogue list.'),
  })
  .refine(({ name, template }) => name !== undefined || template !== undefined, { error: 'needs name or template' });

const agent = z.strictObject({
  agent_id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'must be letters, digits and ._:-, at most 128'),
  display_name: z.string().min(1).max(128).nullable().default(null),
  description: z.string().max(1000).default(''),
  allowed_scopes: z.array(z.string()).max(500).overwrite(unique).describe('An empty list allows nothing.'),
  allowed_providers: z
    .array(z.string())
    .max(500)
    .nullable()
    .default(null)
    .overwrite((names) => names && unique(names))
    .describe('Names of providers; without it all, an empty list none.'),
  metadata: z.record(z.string(), z.json()).default({}),
  active: z.boolean().default(true),
  keys: z.array(agentKey).optional(),
});

const returnOrigin = z.strictObject({
  origin: z.string().min(1).max(512),
  app_name: z.string().min(1).max(80).normalize('NFC'),
  completion: z.enum(['bound', 'confirm']),
  path_prefix: z
    .string()
    .regex(/^\/(.*[^/])?$/, 'must begin with / and not end with one')
    .nullable()
    .default(null),
});

const issuer = z.strictObject({
  issuer: z.string().min(1).max(512),
  audience: z.string().min(1).max(512),
  jwks_uri: z.string().min(1).max(2048).nullable().default(null).describe('Without it: discovery.'),
  algorithms: z.array(z.string()).min(1).default(['RS256', 'ES256', 'EdDSA']).overwrite(unique),
  scope_claim: z.string().min(1).max(128).nullable().default(null),
  tenant_claim: z.string().min(1).max(128).default('tenant_id'),
  clearance_claim: z.string().min(1).max(128).default('clearance_level'),
  workspace_from: z.enum(['sub', 'tenant']).default('sub'),
  workspace_prefix: z.string().max(128).default(''),
  max_lifetime_seconds: z.int().min(1).max(86_400).default(3_600),
});

const webhook = z.strictObject({
  url: z.string().min(1).max(2048),
  events: z
    .array(z.enum(['connection.active', 'connection.attention', 'connection.revoked', 'connection.failed']))
    .min(1)
    .overwrite((events) => [...new Set(events)].sort()),
  active: z.boolean().default(true),
  write_to: sink,
});

const shape = {
  providers: z.array(provider),
  agents: z.array(agent),
  return_origins: z.array(returnOrigin),
  issuers: z.array(issuer),
  webhooks: z.array(webhook),
  keys: z.array(key),
};

/** A section that is missing is none of the manifest's business; one that is there is all that there shall be. */
export const manifestSchema = z.strictObject(shape).partial();

export type ManifestText = z.infer<typeof manifestSchema>;
export type Section = keyof ManifestText;
export type SectionValue<S extends Section> = NonNullable<ManifestText[S]>[number];
export type Sink = z.infer<typeof sink>;

/** In the order in which they are applied: what others refer to comes first. */
export const sections = [
  'return_origins',
  'issuers',
  'providers',
  'agents',
  'keys',
  'webhooks',
] as const satisfies readonly Section[];

/** JSON Schema (2020-12) for editors. */
export function describeManifest(): object {
  return { title: 'Manifest of nexus-cli', ...z.toJSONSchema(manifestSchema, { io: 'input' }) };
}

/** What a section's value with these fields says in full. @throws Error for one that is none */
export function fillDefaults(section: Section, fields: object): Readonly<Record<string, unknown>> {
  const [value] = manifestSchema.parse({ [section]: [fields] })[section] ?? [];
  return (value ?? {}) as Readonly<Record<string, unknown>>;
}
